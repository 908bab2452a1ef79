"""Profiles, proposals, agreements and visits of the small season."""

import datetime
import uuid
from typing import Any

from django.utils.timezone import localdate

from dongliang.mentoring.actions.agreements import write_agreement
from dongliang.mentoring.actions.profiles import keep_mentor_profile, preview_profiles
from dongliang.mentoring.actions.visits import log_visit
from dongliang.mentoring.models import Agreement, Mentor, Pair, Proposal, ProposedPair, Visit
from dongliang.mentoring.sheets import profiles_of
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


def make_coaching(world: World) -> None:
    """Something of everything: an agreement and a visit of the first pair, a proposal, a previewed workbook."""
    pair = world.enrolments[0].pairs.get()
    make_agreement(pair)
    make_visit(pair, by=world.accounts["mentor"])
    make_proposal(world)
    preview_profiles(world.season, "档案.xlsx", profiles_of(world.season), by=world.accounts["office"])
