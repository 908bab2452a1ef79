"""Who has not answered yet: by assessor, by secretary, by subdistrict, with the last sign of life."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Q

from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import grants_of, has_role
from dongliang.review.models import Reminder, Source
from dongliang.review.queries import Progress, outstanding, own_assignments
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import enrolments


@dataclass(frozen=True)
class Waiting:
    """One assessor: how far, when the last sheet came, when the office asked last."""

    progress: Progress
    last_sent: datetime.datetime | None
    reminded: datetime.datetime | None
    reminded_today: bool

    @property
    def key(self) -> str:
        """How a form names the assessor."""
        return f"{self.progress.source}-{self.progress.assessor.pk}"

    @property
    def can_be_reminded(self) -> bool:
        return not self.progress.is_complete and not self.reminded_today


def by_assessor(season: Season, *, today: datetime.date) -> list[Waiting]:
    """Everybody who is asked for sheets, whoever is furthest behind first."""
    asked = season.assignments.order_by().values("source", "mentor", "institution")
    last_sent = {
        (row["source"], row["mentor"] or row["institution"]): row["last"]
        for row in asked.annotate(last=Max("response__submitted_at"))
    }
    reminded: dict[tuple[str, int | None], Reminder] = {}
    for reminder in season.reminders.order_by("sent_at", "pk"):
        source = Source.FIELD if reminder.mentor_id else Source.INSTITUTIONAL
        reminded[source, reminder.mentor_id or reminder.institution_id] = reminder
    found = []
    for progress in outstanding(season):
        key = progress.source, progress.assessor.pk
        last = reminded.get(key)
        found.append(
            Waiting(
                progress,
                last_sent[key],
                last.sent_at if last else None,
                last is not None and last.on == today,
            )
        )
    return found


@dataclass(frozen=True)
class About:
    """What has come in about somebody or some place."""

    subject: Any
    subdistrict: Organisation
    field_due: int
    field_sent: int
    institutional_due: int
    institutional_sent: int
    last_sent: datetime.datetime | None

    @property
    def open(self) -> int:
        return self.field_due + self.institutional_due - self.field_sent - self.institutional_sent


COUNTED = {
    "field_due": Count("pk", filter=Q(source=Source.FIELD, voided_at=None)),
    "field_sent": Count("response", filter=Q(source=Source.FIELD)),
    "institutional_due": Count("pk", filter=Q(source=Source.INSTITUTIONAL, voided_at=None)),
    "institutional_sent": Count("response", filter=Q(source=Source.INSTITUTIONAL)),
    "last_sent": Max("response__submitted_at"),
}


def by_secretary(season: Season) -> list[About]:
    """What has come in about each secretary; of whom most is missing first."""
    grouped: Any = season.assignments.order_by().values("enrolment").annotate(**COUNTED)
    counted = {row.pop("enrolment"): row for row in grouped}
    everybody: dict[int, Enrolment] = {entry.pk: entry for entry in enrolments(season)}
    rows = [About(everybody[pk], everybody[pk].subdistrict, **counts) for pk, counts in counted.items()]
    return sorted(rows, key=lambda row: (-row.open, row.subject.number))


def by_subdistrict(season: Season) -> list[About]:
    """What has come in about the secretaries of each subdistrict; where most is missing first."""
    grouped: Any = (
        season.assignments.order_by()
        .annotate(subdistrict=F("enrolment__post__organisation__parent"))
        .values("subdistrict")
        .annotate(**COUNTED)
    )
    counted = {row.pop("subdistrict"): row for row in grouped}
    places = Organisation.objects.in_bulk(list(counted))
    rows = [About(places[pk], places[pk], **counts) for pk, counts in counted.items()]
    return sorted(rows, key=lambda row: (-row.open, row.subject.code))


def names_of(rows: list[Waiting]) -> str:
    """The assessors with sheets outstanding, as a line to paste into a chat group."""
    return "、".join(
        f"{row.progress.assessor}（{row.progress.open}）" for row in rows if not row.progress.is_complete
    )


def reminder_for(account: Account, season: Season) -> Reminder | None:
    """The office's last word to the account's mentor or institution, as long as a sheet of theirs is outstanding."""
    if (
        season.phase != Phase.OPEN
        or not own_assignments(account, season).filter(response=None, voided_at=None).exists()
    ):
        return None
    mine = Q(
        institution__in=[
            grant.organisation_id
            for grant in grants_of(account)
            if grant.role in (Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT)
        ]
    )
    if account.person_id and has_role(account, Role.MENTOR):
        mine |= Q(mentor__person=account.person_id)
    return season.reminders.filter(mine).first()


def assessor_of(season: Season, key: str) -> Mentor | Organisation | None:
    """The assessor whom a form names by ``Waiting.key``, if the season asks her for sheets."""
    source, _dash, pk = key.partition("-")
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19):
        return None
    if source == Source.FIELD:
        return Mentor.objects.filter(season=season, pk=pk).select_related("person").first()
    return Organisation.objects.filter(assignments__season=season, pk=pk).first()
