"""Logging a visit, saying what became of its step, and how it was."""

import datetime
import uuid

from django.db import IntegrityError, transaction

from dongliang.common.log import log_action
from dongliang.common.pictures import NotAPicture, picture_blocker, redrawn
from dongliang.common.refusals import Refused
from dongliang.mentoring.models import FollowUp, Pair, Visit, VisitFeedback, VisitPhoto, VisitPhotoImage
from dongliang.mentoring.queries.pairs import side_of
from dongliang.mentoring.queries.visits import (
    follow_up_blockers,
    logging_blockers,
    photo_blockers,
    taken_blockers,
    taken_key_blocker,
)
from dongliang.people.models import Account


def log_visit(
    pair: Pair,
    *,
    number: uuid.UUID,
    met_on: datetime.date,
    place: str,
    question: str,
    advice: str,
    step: str = "",
    due_on: datetime.date | None = None,
    by: Account | None,
) -> tuple[Visit, bool]:
    """Log a visit under the number that the device gave it; whether it is new. Raises Refused.

    Sent again under the same number by the same person, it is the same visit, and stays as it was first sent.
    """
    if existing := visit_under(number, pair, by):
        return existing, False
    visit = Visit(
        uuid=number,
        pair=pair,
        met_on=met_on,
        place=place,
        question=question.strip(),
        advice=advice.strip(),
        step=step.strip(),
        due_on=due_on,
        step_state=Visit.StepState.OPEN if step.strip() else Visit.StepState.NONE,
        logged_by=by,
    )
    if blockers := logging_blockers(pair, visit):
        raise Refused(blockers)
    try:
        with transaction.atomic():
            visit.save(force_insert=True)
            log_action("mentoring.visit.logged", visit, by=by, place=place)
    except IntegrityError:
        # Two sendings at once: the other one came first.
        if existing := visit_under(number, pair, by):
            return existing, False
        raise
    return visit, True


def visit_under(number: uuid.UUID, pair: Pair, by: Account | None) -> Visit | None:
    existing = Visit.objects.filter(uuid=number).first()
    if existing is not None and (blockers := taken_blockers(existing, pair, by)):
        raise Refused(blockers)
    return existing


@transaction.atomic
def follow_up(
    visit: Visit,
    *,
    outcome: str,
    due_on: datetime.date | None = None,
    note: str = "",
    key: uuid.UUID | None = None,
    by: Account | None,
) -> FollowUp:
    """Say what became of the agreed step: once under a key, however often it is sent. Raises Refused."""
    visit = locked(visit)
    if key and (told := FollowUp.objects.filter(key=key).first()):
        if told.visit_id != visit.pk:
            raise Refused(taken_key_blocker())
        return told
    if blockers := follow_up_blockers(visit, outcome, due_on, note):
        raise Refused(blockers)
    moved = outcome == FollowUp.Outcome.MOVED
    told = visit.follow_ups.create(
        key=key, outcome=outcome, due_on=due_on if moved else None, note=note.strip(), by=by
    )
    if moved:
        visit.due_on = due_on
    else:
        visit.step_state = outcome
    visit.save(update_fields=["due_on", "step_state"])
    log_action("mentoring.visit.followed_up", visit, by=by, outcome=outcome)
    return told


def locked(visit: Visit) -> Visit:
    return (
        Visit.objects.select_for_update(of=("self",))
        .select_related("pair__mentor__person", "pair__mentee__person")
        .get(pk=visit.pk)
    )


@transaction.atomic
def add_visit_photo(visit: Visit, data: bytes, *, key: uuid.UUID, by: Account | None) -> VisitPhoto:
    """Keep a photo with a visit: once, however often it is sent. Raises Refused."""
    visit = locked(visit)
    if known := VisitPhoto.objects.filter(key=key).first():
        if known.visit_id != visit.pk:
            raise Refused(taken_key_blocker())
        return known
    if blockers := photo_blockers(visit):
        raise Refused(blockers)
    try:
        picture = redrawn(data)
    except NotAPicture as fault:
        raise Refused(picture_blocker(fault, "visit")) from fault
    photo = visit.photos.create(key=key, width=picture.width, height=picture.height, by=by)
    VisitPhotoImage.objects.create(photo=photo, jpeg=picture.jpeg)
    log_action("mentoring.visit.photo_added", visit, by=by, photo=str(key))
    return photo


@transaction.atomic
def remove_visit_photo(photo: VisitPhoto, *, by: Account | None) -> None:
    """Delete a photo, picture and all: who should not be seen on it is gone at once."""
    visit = photo.visit
    photo.delete()
    log_action("mentoring.visit.photo_removed", visit, by=by, photo=str(photo.key))


@transaction.atomic
def give_feedback(visit: Visit, *, helped: int, words: str, by: Account) -> VisitFeedback:
    """Say how the visit was, for one's own side; said again, it replaces what was said. Only that it was said is logged."""
    feedback, _created = VisitFeedback.objects.update_or_create(
        visit=visit,
        side=side_of(by, visit.pair),
        defaults={"helped": helped, "words": words.strip(), "by": by},
    )
    log_action("mentoring.visit.feedback_given", visit, by=by)
    return feedback
