"""Visits: who may read them, what became of the agreed steps, what stands against logging one."""

import datetime
import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import FollowUp, Pair, Place, Side, Visit, VisitFeedback, VisitPhoto
from dongliang.mentoring.queries.pairs import ended_blockers, pairs_visible_to, side_of
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import found_by_name, organisations_reached
from dongliang.seasons.models import Season

QUESTION_LENGTH, ADVICE_LENGTH, STEP_LENGTH, NOTE_LENGTH = 300, 1000, 200, 300
# A step for longer than this is a project.
FARTHEST = datetime.timedelta(days=730)
LATE = "late"
MOST_PHOTOS = 3


def visits_visible_to(account: Account, season: Season) -> QuerySet[Visit]:
    """The visits of the pairs that the account may read."""
    # Asked for first: see organisations_of.
    pairs = set(pairs_visible_to(account, season).values_list("pk", flat=True))
    return Visit.objects.filter(pair__in=pairs).select_related(
        "pair__mentor__person",
        "pair__mentee__person",
        "pair__mentee__season",
        "pair__mentee__post__organisation__parent",
        "logged_by",
    )


def matching_visits(
    visits: QuerySet[Visit],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    place: str = "",
    step: str = "",
) -> QuerySet[Visit]:
    """The rows that a filter bar asks for; ``step`` is a state, or LATE."""
    visits = found_by_name(
        visits,
        search,
        "pair__mentee__person__name",
        "pair__mentor__person__name",
        also=("question", "step", "pair__mentee__post__organisation__name"),
    )
    if subdistrict:
        visits = visits.filter(pair__mentee__post__organisation__parent=subdistrict)
    if place:
        visits = visits.filter(place=place)
    if step == LATE:
        visits = visits.filter(step_state=Visit.StepState.OPEN, due_on__lt=localdate())
    elif step:
        visits = visits.filter(step_state=step)
    return visits


def steps_due(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """The agreed steps still to be done, the first due first."""
    return visits.filter(step_state=Visit.StepState.OPEN, pair__ends_on=None).order_by("due_on", "pk")


def feedback_visible_to(account: Account, visit: Visit) -> QuerySet[VisitFeedback]:
    """The feedback on a visit that the account wrote itself; for the programme office both sides'."""
    offices = organisations_reached(account, Role.OFFICE)
    if offices.filter(pk=visit.pair.mentee.season.district_id).exists():
        return visit.feedback.all()
    return visit.feedback.filter(Q(by=account) & Q(side=side_of(account, visit.pair) or ""))


def photos_visible_to(account: Account, visit: Visit) -> QuerySet[VisitPhoto]:
    """The photos of a visit, to the two of the pair and the programme office; to nobody else."""
    offices = organisations_reached(account, Role.OFFICE)
    in_office = offices.filter(pk=visit.pair.mentee.season.district_id).exists()
    is_party = side_of(account, visit.pair) in (Side.MENTOR, Side.MENTEE)
    return visit.photos.all() if in_office or is_party else visit.photos.none()


def photo_blockers(visit: Visit) -> list[Blocker]:
    """Every reason why the visit takes no further photo."""
    found = ended_blockers(visit.pair)
    if visit.photos.count() >= MOST_PHOTOS:
        found.append(
            Blocker(
                "visit.photos_full",
                _("This visit has its %(most)d photos already.") % {"most": MOST_PHOTOS},
                _("Remove one first."),
            )
        )
    return found


def logging_blockers(pair: Pair, visit: Visit, today: datetime.date | None = None) -> list[Blocker]:
    """Every reason why this visit cannot be logged."""
    today = today or localdate()
    found = ended_blockers(pair)
    if not pair.starts_on <= visit.met_on <= today:
        found.append(
            Blocker(
                "visit.day",
                _("%(day)s is not a day on which the pair has met.") % {"day": visit.met_on},
                _("Choose a day from %(first)s to today, %(today)s.")
                % {"first": pair.starts_on, "today": today},
            )
        )
    if visit.place not in Place.values:
        found.append(
            Blocker(
                "visit.place",
                _("There is no place '%(place)s'.") % {"place": visit.place},
                _("Use one of: %(keys)s.") % {"keys": ", ".join(Place.values)},
            )
        )
    for label, text, most, needed in (
        (_("The question"), visit.question, QUESTION_LENGTH, True),
        (_("The advice"), visit.advice, ADVICE_LENGTH, True),
        (_("The agreed step"), visit.step, STEP_LENGTH, False),
    ):
        if len(text) > most or (needed and not text):
            found.append(
                Blocker(
                    "visit.text",
                    _("%(label)s takes %(seen)d characters.") % {"label": label, "seen": len(text)},
                    _("Write at most %(most)d.") % {"most": most} if text else _("Write it in a few words."),
                )
            )
    return found + due_blockers(visit.step, visit.due_on, visit.met_on)


def due_blockers(step: str, due_on: datetime.date | None, earliest: datetime.date) -> list[Blocker]:
    """Every reason why this is no day for the agreed step."""
    if bool(step) != (due_on is not None):
        return [
            Blocker(
                "visit.due",
                _("An agreed step and the day it is due by go together."),
                _("Write both, or neither."),
            )
        ]
    if due_on is not None and not earliest <= due_on <= earliest + FARTHEST:
        return [
            Blocker(
                "visit.due",
                _("%(day)s is no day to have a step done by.") % {"day": due_on},
                _("Choose one from %(first)s on, within two years.") % {"first": earliest},
            )
        ]
    return []


def taken_blockers(existing: Visit, pair: Pair, by: Account | None) -> list[Blocker]:
    """Why a number that a visit has already cannot be used: unless it is the very same one sent again."""
    if existing.pair_id == pair.pk and existing.logged_by_id == (by.pk if by else None):
        return []
    return [
        Blocker(
            "visit.taken",
            _("Another visit has this number."),
            _("Open the form anew and send it again."),
        )
    ]


def taken_key_blocker() -> Blocker:
    return Blocker(
        "visit.taken",
        _("Something else has this number."),
        _("Open the page anew and say it again."),
    )


def arrived_otherwise(visit: Visit, said: dict[str, Any]) -> list[Blocker]:
    """Why a visit that has arrived is not this one: it was written on after it was sent, and nobody may lose that unseen."""
    kept = {
        name: getattr(visit, name) for name in ("met_on", "place", "question", "advice", "step", "due_on")
    }
    if all(said[name] == value for name, value in kept.items()):
        return []
    return [
        Blocker(
            "visit.differs",
            _("This visit has arrived already, with other words; what arrived stands."),
            _(
                "Read it in the list of visits. What is written here can be deleted, or logged as another visit."
            ),
        )
    ]


def is_version_four(text: str) -> bool:
    """Whether a device made this number at random; others could be guessed."""
    try:
        return uuid.UUID(text).version == 4
    except ValueError:
        return False


def follow_up_blockers(visit: Visit, outcome: str, due_on: datetime.date | None, note: str) -> list[Blocker]:
    """Every reason why this cannot have become of the agreed step."""
    found = ended_blockers(visit.pair)
    if visit.step_state != Visit.StepState.OPEN:
        found.append(
            Blocker(
                "follow_up.closed",
                _("The step is %(state)s.") % {"state": visit.get_step_state_display()},
                _("Agree on the next one at the next visit."),
            )
        )
    if outcome not in FollowUp.Outcome.values:
        found.append(
            Blocker(
                "follow_up.outcome",
                _("What became of the step is not said."),
                _("Choose done, not done, or moved to another day."),
            )
        )
    elif outcome == FollowUp.Outcome.MOVED:
        if due_on is None:
            found.append(
                Blocker("follow_up.day", _("The new day is missing."), _("Choose the day moved to."))
            )
        else:
            found += due_blockers(visit.step, due_on, visit.met_on)
    if len(note) > NOTE_LENGTH:
        found.append(
            Blocker(
                "follow_up.note",
                _("The note takes %(seen)d characters.") % {"seen": len(note)},
                _("Write at most %(most)d.") % {"most": NOTE_LENGTH},
            )
        )
    return found
