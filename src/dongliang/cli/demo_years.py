"""The two years before the demo's season: people who stay, leave and move, coached and scored. Needs Django configured.

Rosters, pairs, sheets, ballots, scoring and lists go through the product's own doors, so that results are calculated like
any others. First things and visits, of which only the traces matter, are written straight into the database.
"""

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
from django.db import transaction
from django.utils.timezone import get_default_timezone

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.ballots import codes, keys
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.models import Round
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.cli import liangzhou
from dongliang.cli.demo_answers import send_sheets, simulate, spelt
from dongliang.engine.data import Floats
from dongliang.growth.actions.training import arrange_session, create_course, sign_in_by_list
from dongliang.mentoring.actions import pair_mentee
from dongliang.mentoring.models import Pair, Place, Visit
from dongliang.mentoring.roster import confirm_roster, preview_roster
from dongliang.people.models import Account, Organisation
from dongliang.people.queries import current_tenures
from dongliang.people.roster.workbook import roster_workbook
from dongliang.projects.models import FirstThing
from dongliang.scoring.actions import begin_collecting, end_collecting, run_scoring
from dongliang.seasons.actions import create_season, enrol_secretaries, freeze_rule_book
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent, validated

Row: TypeAlias = dict[str, object]
Roster: TypeAlias = dict[str, list[Row]]

YEARS = (2019, 2020)
# Fewer than in the season itself, so that the demo stays quick.
BALLOTS, PROJECT_BALLOTS, DRAWS = 7_500, 300, 1_000
# All mentors coach; half of them assess, of a small district these, two for each secretary.
FEWEST_ASSESSORS, ASSESSORS_EACH = 6, 2
AN_ELECTION = "2021-05-20"
# Who has come so many years ago or less is coached.
COACHED_YEARS = 4
MOVERS = 8
# How much of a merit lasts from year to year, and what is drawn anew; together they keep the spread.
LASTS, ANEW = 0.85, 0.527
# What a mentor adds to a mentee's merit in a year, on average and from mentor to mentor.
COACHING, BETWEEN_MENTORS = 0.5, 0.5
VISITS_EACH = 3


@dataclass
class Past:
    """What the season takes over from the years before: everybody's merit, by mobile."""

    merit: dict[str, float]


def build_past(
    rng: np.random.Generator,
    district: Organisation,
    roster: Roster,
    rules: RuleBookContent,
    *,
    scale: float,
    by: Account,
) -> Past:
    """Run the years before the election that ``roster`` is the outcome of; moves some people in ``roster`` on the way."""
    earlier = rosters_before(rng, roster)
    mentors = [
        row | {"参加实地评估": "是" if number < assessors_of(rules) else "否"}
        for number, row in enumerate(roster["mentors"])
    ]
    merit: dict[str, float] = {}
    for year, rows in zip(YEARS, earlier, strict=True):
        season = create_season(
            district,
            slug=f"liangzhou-{year}",
            rules=rules_of(rules, year),
            by=by,
        )
        data = roster_workbook(units=roster["units"], secretaries=rows, mentors=mentors)
        confirm_roster(preview_roster(district, f"梁州区花名册{year}.xlsx", data, by=by), by=by)
        run_year(rng, season, merit, scale=scale, year=year, by=by)
    return Past(merit)


def rules_of(rules: RuleBookContent, year: int) -> RuleBookContent:
    """The rules of the years before the election: institutions were not asked yet, and fewer mentors came to see everybody."""
    document: dict[str, Any] = rules.model_dump()
    document["key"] = f"liangzhou-{year}"
    document["year"] = year
    document["title"] = {
        "zh": f"“大梁带小梁”{year} 年度",
        "en": f"Main beams carry small beams, {year}",
    }
    document["field"] |= {"assessors": assessors_of(rules), "assessors_each": ASSESSORS_EACH}
    document["residents"]["comments"] = False
    document["scoring"]["draws"] = DRAWS
    document["sources"] = [
        source | {"weight": 0.5} | ({"minimum_answers": ASSESSORS_EACH} if source["key"] == "field" else {})
        for source in document["sources"]
        if source["key"] != "institutional"
    ]
    document["defaults"] = [path for path in document["defaults"] if "institutional" not in path]
    document.pop("institutional", None)
    ties = document["best_secretaries"]["ties"]
    document["best_secretaries"]["ties"] = [tie for tie in ties if tie != "institutional"]
    return validated(document)


def assessors_of(rules: RuleBookContent) -> int:
    return max(FEWEST_ASSESSORS, rules.field.assessors // 2)


def rosters_before(rng: np.random.Generator, roster: Roster) -> tuple[list[Row], list[Row]]:
    """Who was in post two years before, everybody; and what changed the year after.

    Whoever has come since had a predecessor, who has left; some predecessors of the new have only moved to another post.
    """
    rows = roster["secretaries"]
    leavers = strangers(rng, {str(row["姓名"]) for row in [*rows, *roster["mentors"]]})
    movers = moved(rows)
    before: list[Row] = []
    changed: list[Row] = []
    for row in rows:
        earlier = row | {"带教大梁": ""}
        if (mover := movers.get(str(row["居村"]))) is not None:
            before.append(earlier | mover)
        elif str(row["到任日期"]) >= f"{YEARS[0]}-04-01":
            before.append(earlier | next(leavers))
            if str(row["到任日期"]) < f"{YEARS[1]}-04-01":
                changed.append(earlier)
        else:
            before.append(earlier)
    return before, changed


def moved(rows: list[Row]) -> dict[str, Row]:
    """Let some who have been transferred come only now, from the posts of some who are new: by neighbourhood, who was there."""
    # From the end, where none of the demo's own accounts serves.
    came = [row for row in reversed(rows) if row["任职方式"] == "转任"]
    vacant = [row for row in reversed(rows) if row["任职方式"] == "新任"]
    few = min(MOVERS, len(rows) // 14)
    found: dict[str, Row] = {}
    for mover, post in zip(came[:few], vacant[:few], strict=False):
        person = {key: mover[key] for key in ("姓名", "性别", "出生年", "手机")}
        found[str(post["居村"])] = person | {"到任日期": "2013-04-01", "任职方式": "连任"}
        mover["到任日期"] = AN_ELECTION
    return found


def strangers(rng: np.random.Generator, taken: set[str]) -> Iterator[Row]:
    """People who have left by the election."""
    fresh = (entry for entry in liangzhou.names(rng) if entry[0] not in taken)
    for number, (name, gender) in enumerate(fresh):
        yield {
            "姓名": name,
            "性别": gender,
            "出生年": int(rng.integers(1956, 1963)),
            "手机": liangzhou.mobile(80_000 + number),
            "到任日期": f"{rng.integers(2004, 2015)}-{rng.integers(1, 13):02d}-01",
            "任职方式": "连任",
        }


def run_year(
    rng: np.random.Generator, season: Season, merit: dict[str, float], *, scale: float, year: int, by: Account
) -> None:
    """Coach, collect, score and publish one year."""
    enrol_secretaries(season)
    everyone = list(enrolments(season))
    coached = coach(rng, season, everyone, year=year, by=by)
    grow(rng, everyone, coached, merit)
    register(rng, season, everyone, year=year)
    freeze_rule_book(season, by=by)
    season = begin_collecting(season, by=by)
    train(rng, season, everyone, coached, year=year, by=by)
    drawn, plan = simulate(
        rng,
        season,
        everyone,
        ballots=round(BALLOTS * scale),
        approvals=round(PROJECT_BALLOTS * scale),
        merit=np.array([merit[str(entry.person.mobile)] for entry in everyone]),
    )
    send_sheets(rng, season, everyone, drawn, plan, leave=0)
    picks = [
        ",".join(str(number) for number in sorted(everyone[pick].number for pick in row if pick >= 0))
        for row in drawn.approval_picks.tolist()
    ]
    marks = list(map(spelt, drawn.ballot_marks))
    cast(season, Round.Kind.SECRETARIES, everyone, drawn.ballot_target.tolist(), marks, year=year)
    cast(season, Round.Kind.PROJECTS, everyone, drawn.approval_target.tolist(), picks, year=year)
    season = end_collecting(season, by=by)
    best, *_others = draw_lists(run_scoring(season, by=by), by=by)
    publish_list(best, by=by)
    last = datetime.date(year, 12, 31)
    Pair.objects.filter(mentee__season=season).update(ends_on=last, end_reason=Pair.EndReason.COMPLETED)


def coach(
    rng: np.random.Generator, season: Season, everyone: list[Enrolment], *, year: int, by: Account
) -> dict[int, Pair]:
    """Pair whoever has come in the last few years, with the same mentor every year; by enrolment. Some visits each."""
    mentors = list(season.mentors.all())
    since = {
        (tenure.post_id, tenure.person_id): tenure.starts_on for tenure in current_tenures(season.district)
    }
    begins = datetime.date(year, 3, 15)
    pairs = {}
    for entry in everyone:
        if since[entry.post_id, entry.person_id] >= datetime.date(year - COACHED_YEARS, 1, 1):
            mentor = mentors[entry.person_id % len(mentors)]
            pairs[entry.pk] = pair_mentee(mentor, entry, by=by, starts_on=begins)
    visits = []
    for pair in pairs.values():
        for day in sorted(rng.integers(10, 230, size=rng.integers(1, VISITS_EACH + 2)).tolist()):
            question, advice, _step = liangzhou.VISITS[rng.integers(len(liangzhou.VISITS))]
            visits.append(
                Visit(
                    uuid=uuid.UUID(bytes=rng.bytes(16), version=4),
                    pair=pair,
                    met_on=begins + datetime.timedelta(days=day),
                    place=str(rng.choice(Place.values)),
                    question=question,
                    advice=advice,
                    step_state=Visit.StepState.NONE,
                )
            )
    Visit.objects.bulk_create(visits)
    return pairs


def grow(
    rng: np.random.Generator, everyone: list[Enrolment], coached: dict[int, Pair], merit: dict[str, float]
) -> None:
    """Let a year pass over everybody's merit, and coaching add to some."""
    last = max((pair.mentor.number for pair in coached.values()), default=0)
    # The same in every year, mentor by mentor.
    adds = np.random.default_rng(YEARS[0]).normal(COACHING, BETWEEN_MENTORS, 1 + last)
    for entry in everyone:
        mobile, drawn = str(entry.person.mobile), float(rng.standard_normal())
        before = merit.get(mobile)
        now = drawn if before is None else LASTS * before + ANEW * drawn
        pair = coached.get(entry.pk)
        # In the first year there is nothing to hold it against.
        merit[mobile] = now + (float(adds[pair.mentor.number]) if pair and before is not None else 0.0)


def register(rng: np.random.Generator, season: Season, everyone: list[Enrolment], *, year: int) -> None:
    """Everybody's first thing; most of them have landed by now."""
    categories = [category.key for category in season.rules.categories]
    things = []
    for entry in everyone:
        category = categories[rng.integers(len(categories))]
        title, summary = liangzhou.invent_first_thing(rng, entry.organisation.name, category)
        landed = rng.random() < 0.8
        things.append(
            FirstThing(
                enrolment=entry,
                category=category,
                title=title,
                summary=summary,
                state=FirstThing.State.LANDED if landed else FirstThing.State.UNDER_WAY,
            )
        )
    FirstThing.objects.bulk_create(things)


def train(
    rng: np.random.Generator,
    season: Season,
    everyone: list[Enrolment],
    coached: dict[int, Pair],
    *,
    year: int,
    by: Account,
) -> None:
    """One course, to which most of the coached and a few of the others came."""
    course = create_course(
        season,
        by=by,
        kind="joint",
        empowerment="mentor",
        title="大梁小梁同堂课",
        summary="难事怎么谈，当面教。",
    )
    begins = datetime.datetime(year, 6, 12, 9, 0, tzinfo=get_default_timezone())
    session = arrange_session(
        course,
        quotas={},
        by=by,
        starts_at=begins,
        ends_at=begins + datetime.timedelta(hours=6),
        place="区委党校 201",
        trainer="高秀兰",
        hours=Decimal(6),
        places=len(everyone),
    )
    came = [entry for entry in everyone if rng.random() < (0.9 if entry.pk in coached else 0.05)]
    with transaction.atomic():
        sign_in_by_list(session, came, "list", by=by)


def cast(
    season: Season, kind: str, everyone: list[Enrolment], homes: list[int], said: list[str], *, year: int
) -> None:
    """Cast the ballots with household codes, all on one afternoon."""
    key, used = keys.season_key(season), [0] * len(everyone)
    at = datetime.datetime(year, 11, 10, 15, 0, tzinfo=get_default_timezone())
    casts = []
    for home, marks in zip(homes, said, strict=True):
        used[home] += 1
        code = codes.mint(key, everyone[home].number, used[home])
        casts.append(Cast(everyone[home].pk, codes.credential_digest(key, kind, code), marks))
    for start in range(0, len(casts), 1_000):
        cast_ballots(rounds_of(season)[kind], casts[start : start + 1_000], key=key, at=at)


def merit_now(rng: np.random.Generator, everyone: list[Enrolment], past: Past) -> Floats:
    """Everybody's merit a year later; who was not there before has one of their own."""
    found = []
    for entry in everyone:
        before = past.merit.get(str(entry.person.mobile))
        drawn = float(rng.standard_normal())
        found.append(drawn if before is None else LASTS * before + ANEW * drawn)
    return np.array(found)
