"""The demo's training and growth path. Needs Django configured."""

import datetime
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from django.db import transaction
from django.utils.timezone import localdate, localtime, now

from dongliang.growth.actions.course import (
    add_material,
    answer_practice,
    give_feedback,
    report_practice,
    take_quiz,
    write_question,
)
from dongliang.growth.actions.path import begin_paths, decide_step, give_opinion, propose_step
from dongliang.growth.actions.training import (
    arrange_session,
    create_course,
    credit_hours,
    sign_in_by_list,
    take_seat,
)
from dongliang.growth.models import Course, Move, Opinion, Session
from dongliang.growth.queries.path import STAR, checks_for, path_of, stage_after, standings, with_paths
from dongliang.people.models import Account
from dongliang.people.queries import subdistricts_of
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments

# (kind, empowerment, title, what it is about, trainer, place, hours, days from now, places)
COURSES = (
    (
        "joint",
        "mentor",
        "新任书记第一课",
        "到任头一百天：怎么认人、认事、认难题。",
        "高秀兰",
        "区委党校 201",
        8,
        -120,
        300,
    ),
    (
        "field_study",
        "project",
        "走进三个老旧小区",
        "看加装电梯、车棚改造和楼道扶手是怎么谈下来的。",
        "方志远",
        "望梁街道 柳荫里",
        6,
        -75,
        300,
    ),
    (
        "practice",
        "studio",
        "议事会怎么开好",
        "议题、表决、公开三步，分组演练。",
        "俞慧敏",
        "区委党校 报告厅",
        6,
        -40,
        300,
    ),
    (
        "exchange",
        "resource",
        "大梁小梁面对面",
        "结对双方互问互答，交换手头的资源。",
        "高秀兰",
        "石桥镇 党群服务中心",
        4,
        -12,
        300,
    ),
    (
        "joint",
        "digital",
        "数字工具进居村",
        "用好居民信息和报修数据，少填一张表。",
        "许文博",
        "区大数据中心 3 楼",
        4,
        9,
        12,
    ),
)
PRACTICE = "把议事规则用到自己的“开门第一件事”里，写明议题、参加的人和结果。"
QUESTIONS = (
    ("议事会的议题由谁提出？", ("只由书记提出", "居民和书记都可以提出", "由物业提出"), 1),
    ("表决结果应当怎样处理？", ("记在书记本子上", "公开并说明理由", "等居民来问"), 1),
    ("意见不一致时先做什么？", ("把分歧写清楚，再约一次", "按书记意见办", "停办"), 0),
)
REPORT = "开了两次楼组会，二十一户到场。车位怎么分写成三条，十九户签了字，结果贴在门厅。"
REMARKS = ("案例再多一点更好。", "下次请安排在上午。")
EVIDENCE = "材料齐全，见区委组织部 2021 年第 6 次例会纪要。"
EARLIER = "上一年度已达到，见区委组织部 2020 年度带教总结。"
ELSEWHERE = "市委党校基层治理专题班，结业证书 2021-117 号"
# How many of each stage's candidates go on, where everything asked for is met.
GO_ON = 0.7


@transaction.atomic
def build_growth(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """Hold courses past and to come, then let those who have come far enough go on."""
    everyone = list(enrolments(season).order_by("number"))
    courses = [announce(season, row, by=by) for row in COURSES]
    for course, row in zip(courses, COURSES, strict=True):
        session = arrange(season, course, row, by=by)
        if row[7] < 0:
            hold(rng, session, everyone, by=by)
        else:
            for place in rng.permutation(len(everyone))[:20].tolist():
                take_seat(session, everyone[place], by=by)
    learn(rng, courses[2], everyone, by=by)
    move_on(rng, season, by=by)


def announce(season: Season, row: tuple, *, by: Account) -> Course:
    kind, empowerment, title, summary = row[:4]
    practice = {"practice": PRACTICE, "practice_hours": Decimal(4)} if kind == "practice" else {}
    course = create_course(
        season, by=by, kind=kind, empowerment=empowerment, title=title, summary=summary, **practice
    )
    add_material(course, title=f"{title}：讲义", link="https://example.org/liangzhou/notes", by=by)
    return course


def arrange(season: Season, course: Course, row: tuple, *, by: Account) -> Session:
    trainer, place, hours, days, places = row[4:]
    begins = localtime(now() + datetime.timedelta(days=days)).replace(
        hour=9, minute=0, second=0, microsecond=0
    )
    quotas = {} if places > 100 else dict.fromkeys(list(subdistricts_of(season.district))[:2], 3)
    return arrange_session(
        course,
        quotas=quotas,
        by=by,
        starts_at=begins,
        ends_at=begins + datetime.timedelta(hours=3),
        place=place,
        trainer=trainer,
        hours=Decimal(hours),
        places=places,
    )


def hold(rng: np.random.Generator, session: Session, everyone: Sequence[Enrolment], *, by: Account) -> None:
    """Most of the new and some of the others come; a few say what it was like."""
    came = [entry for entry in everyone if rng.random() < (0.9 if entry.is_new else 0.45)]
    sign_in_by_list(session, came, "list", by=by)
    for place, entry in enumerate(came[:8]):
        content, trainer, setting = rng.integers(3, 6, size=3).tolist()
        give_feedback(
            session,
            entry,
            content=content,
            trainer=trainer,
            setting=setting,
            remark=REMARKS[place] if place < len(REMARKS) else "",
        )


def learn(rng: np.random.Generator, course: Course, everyone: Sequence[Enrolment], *, by: Account) -> None:
    """The quiz, and the practice task of those who are new."""
    questions = [
        write_question(course, text=text, choices=choices, right=right, by=by)
        for text, choices, right in QUESTIONS
    ]
    fresh = [entry for entry in everyone if entry.is_new]
    for place, entry in enumerate(fresh[: max(len(fresh) // 2, 3)]):
        answers = {question.pk: int(rng.integers(len(question.choices))) for question in questions}
        take_quiz(course, entry, answers, by=by)
        report = report_practice(course, entry, REPORT, by=by)
        # The last ones wait to be read.
        if place % 5 < 4:
            answer_practice(report, accept=True, answer="", by=by)


def move_on(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """Everybody begins; round by round those who meet what the next stage asks for go on, where one person decides."""
    seasoned = [entry for entry in enrolments(season) if not entry.is_new]
    begin_paths(seasoned[::6], stage="reserve", evidence=EARLIER, by=by)
    begin_paths(seasoned[1::6], stage="graduated", evidence=EARLIER, by=by)
    begin_paths(seasoned[2::3], stage="selected", evidence=EARLIER, by=by)
    begin_paths(enrolments(season), evidence="换届后在岗，以花名册为准。", by=by)
    mentors = {pair.mentee_id: pair.mentor for pair in season_pairs(season)}
    for _round in range(3):
        for standing in standings(season, list(with_paths(enrolments(season)))):
            target, path = standing.target, standing.path
            if path is None or target is None or rng.random() > GO_ON:
                continue
            missing = {check.key for check in standing.missing}
            if "mentor_opinion" in missing:
                mentor = mentors.get(standing.enrolment.pk)
                words = f"{mentor or '带教大梁'}：工作扎实，可以再进一步。"
                give_opinion(
                    path, source=Opinion.Source.MENTOR, stage=target, in_favour=True, text=words, by=by
                )
            elif standing.is_ready and not path.moves.filter(state=Move.State.PROPOSED).exists():
                # What takes two waits for the second of them: whoever looks around finds it.
                propose_step(standing.enrolment, Move.Kind.PROMOTION, evidence=EVIDENCE, by=by)
    leave_proposal(season, by=by)
    pause_one(season, by=by)


def leave_proposal(season: Season, *, by: Account) -> None:
    """One who has landed the first thing, with a course held by others, is proposed for what takes two to decide."""
    waiting = Move.objects.filter(state=Move.State.PROPOSED, path__district=season.district)
    for entry in with_paths(enrolments(season)).filter(stage="selected", first_thing__state="landed"):
        path = path_of(entry)
        if path is None or waiting.exists():
            return
        day = localdate() - datetime.timedelta(days=30)
        credit_hours(entry, hours=Decimal(24), earned_on=day, evidence=ELSEWHERE, by=by)
        target = stage_after(season.rules, path.stage) or ""
        source = Opinion.Source.MENTOR
        give_opinion(path, source=source, stage=target, in_favour=True, text="可以独当一面。", by=by)
        if not [check for check in checks_for(entry, target) if not check.met]:
            propose_step(entry, Move.Kind.PROMOTION, evidence=EVIDENCE, by=by)


def crown(season: Season, *, by: Account, second: Account) -> None:
    """After the lists: of those who come through all gates but the committee's, the first three become star secretaries."""
    given = 0
    for entry in with_paths(enrolments(season)):
        path = path_of(entry)
        if path is None or path.paused_on or given == 3:
            continue
        if {check.key for check in checks_for(entry, STAR) if not check.met} != {"committee"}:
            continue
        if path.moves.filter(state=Move.State.PROPOSED).exists():
            continue
        give_opinion(
            path,
            source=Opinion.Source.COMMITTEE,
            stage=STAR,
            in_favour=True,
            text="评议小组一致同意。",
            met_on=localdate(),
            by=by,
        )
        move = propose_step(entry, Move.Kind.STAR, evidence=EVIDENCE, by=by)
        decide_step(move, entry, grant=True, reason="", by=second)
        given += 1


def season_pairs(season: Season) -> list:
    return [
        pair
        for mentor in season.mentors.prefetch_related("pairs__mentor__person")
        for pair in mentor.pairs.all()
    ]


def pause_one(season: Season, *, by: Account) -> None:
    """One path without an open proposal is paused."""
    for entry in with_paths(enrolments(season)):
        path = path_of(entry)
        if (
            path
            and not path.moves.filter(state=Move.State.PROPOSED).exists()
            and stage_after(season.rules, path.stage)
        ):
            propose_step(entry, Move.Kind.PAUSE, evidence="借调区专班三个月。", by=by)
            return
