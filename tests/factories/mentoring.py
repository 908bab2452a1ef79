"""Profiles, proposals, agreements and visits of the small season."""

import datetime
import uuid
from typing import Any

from django.utils.timezone import localdate, now

from dongliang.mentoring.actions.agreements import write_agreement
from dongliang.mentoring.actions.profiles import keep_mentor_profile, preview_profiles
from dongliang.mentoring.actions.studios import (
    add_output,
    answer,
    ask,
    keep_gathering,
    keep_group,
    keep_studio,
)
from dongliang.mentoring.actions.visits import add_visit_photo, log_visit
from dongliang.mentoring.models import (
    Agreement,
    BoxQuestion,
    Gathering,
    Mentor,
    Pair,
    Proposal,
    ProposedPair,
    Studio,
    StudyGroup,
    Visit,
    VisitPhoto,
)
from dongliang.mentoring.sheets import profiles_of
from dongliang.people.models import Account
from tests.factories.review import make_picture
from tests.factories.season import World


def make_profile(mentor: Mentor, *, strengths: dict[str, int] | None = None, **changes: Any) -> Mentor:
    said = {"words": "", "capacity": None, "years": None, "tier": "district"} | changes
    return keep_mentor_profile(mentor, strengths=strengths or {}, **said, by=None)


def make_agreement(pair: Pair, **changes: Any) -> Agreement:
    said: dict[str, Any] = {
        "goals": "独立开好一次业主大会",
        "starts_on": datetime.date(2021, 6, 1),
        "months": 3,
        "plan": ["走访楼组", "征询意见", "开会表决"],
    }
    return write_agreement(pair, **said | changes, by=None)


def make_visit(pair: Pair, *, by: Any = None, **changes: Any) -> Visit:
    said: dict[str, Any] = {
        "number": uuid.uuid4(),
        "met_on": localdate(),
        "place": "site",
        "question": "低楼层不同意怎么谈",
        "advice": "先听采光的担心，再算补偿的账。",
        "step": "两户上门各谈一次",
        "due_on": localdate() + datetime.timedelta(days=7),
    }
    return log_visit(pair, **said | changes, by=by)[0]


def make_proposal(world: World) -> Proposal:
    """A proposal as it could have been worked out: the third secretary with the second mentor."""
    proposal = world.season.proposals.create(number=1, total=12.5, made_by=world.accounts["office"])
    ProposedPair.objects.create(
        proposal=proposal,
        mentee=world.enrolments[2],
        mentor=world.mentors[1],
        second=world.mentors[2],
        fit=12.5,
        second_fit=10.0,
        parts={"category": 0.0, "need": 12.5, "nearness": 0.0, "continuity": 0.0},
    )
    return proposal


def make_visit_photo(visit: Visit) -> VisitPhoto:
    return add_visit_photo(visit, make_picture(), key=uuid.uuid4(), by=None)


def make_studio(world: World, name: str = "柳荫工作室", **changes: Any) -> Studio:
    """A studio of the first subdistrict: the first mentor leads, the first two secretaries belong to it."""
    said: dict[str, Any] = {
        "subdistrict": world.subdistricts[0],
        "leader": world.mentors[0],
        "members": [world.enrolments[0].person, world.enrolments[1].person],
        "place": "柳荫一居二楼",
        "good_at": "加装电梯、物业交接",
    }
    return keep_studio(None, season=world.season, name=name, **said | changes, by=None)


def make_question(
    studio: Studio, account: Account, title: str = "业委会换届没人报名", **changes: Any
) -> BoxQuestion:
    said: dict[str, Any] = {"text": "贴了两周公告。", "nameless": False}
    return ask(studio, title=title, **said | changes, by=account)


def make_group(world: World, topic: str = "老旧小区停车", **changes: Any) -> StudyGroup:
    """A group across both subdistricts: the first mentor convenes it, the first and the last secretary belong to it."""
    said: dict[str, Any] = {
        "aim": "一份停车自治样本",
        "convener": world.mentors[0].person,
        "members": [world.enrolments[2].person, world.enrolments[5].person],
    }
    return keep_group(None, season=world.season, topic=topic, **said | changes, by=None)


def make_gathering(of: Studio | StudyGroup, topic: str = "楼组长怎么请", **changes: Any) -> Gathering:
    said: dict[str, Any] = {"starts_at": now(), "place": "柳荫一居二楼"}
    return keep_gathering(None, of=of, topic=topic, **said | changes, by=None)


def make_studio_life(world: World) -> None:
    """A studio with a question, its answer, a session and a case, and a group."""
    studio = make_studio(world)
    question = make_question(studio, world.accounts["secretary"])
    answer(question, text="先请热心邻居当联络员。", by=world.accounts["mentor"])
    make_gathering(studio)
    add_output(studio, title="一部电梯的故事", file_name="案例.pdf", content=b"%PDF-", by=None)
    make_group(world)


def make_coaching(world: World) -> None:
    """Something of everything: an agreement and a visit of the first pair, a proposal, a studio, a previewed workbook."""
    pair = world.enrolments[0].pairs.get()
    make_agreement(pair)
    visit = make_visit(pair, by=world.accounts["mentor"])
    make_visit_photo(visit)
    make_proposal(world)
    make_studio_life(world)
    preview_profiles(world.season, "档案.xlsx", profiles_of(world.season), by=world.accounts["office"])
