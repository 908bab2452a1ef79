"""Advisers: who may become one, and what their honour page tells."""

import datetime
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Pair
from dongliang.people.models import Account, Organisation, Person, Tenure
from dongliang.people.queries import districts_run_by, found_by_name
from dongliang.projects.models import FirstThing
from dongliang.turnover.models import Adviser

RELEASED, HELD_BACK = "released", "held"
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Years:
    """What somebody did in the posts of a district."""

    tenures: list[Tenure]
    served: int
    landed: list[FirstThing]
    mentees: list[Person]


def advisers() -> QuerySet[Adviser]:
    return Adviser.objects.select_related(
        "tenure__person", "tenure__post__organisation__parent", "released_by"
    )


def advisers_run_by(account: Account) -> QuerySet[Adviser]:
    """The advisers of the districts whose programme office the account belongs to."""
    return advisers().filter(
        tenure__post__organisation__parent__parent__in=districts_run_by(account).values("pk")
    )


def public_advisers() -> QuerySet[Adviser]:
    return advisers().exclude(released_at=None)


def matching_advisers(
    rows: QuerySet[Adviser],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    state: str = "",
) -> QuerySet[Adviser]:
    rows = found_by_name(rows, search, "tenure__person__name", also=("tenure__post__organisation__name",))
    if subdistrict:
        rows = rows.filter(tenure__post__organisation__parent=subdistrict)
    if state == RELEASED:
        rows = rows.exclude(released_at=None)
    elif state == HELD_BACK:
        rows = rows.filter(released_at=None)
    return rows


def leavers_run_by(account: Account) -> QuerySet[Tenure]:
    """Whose last post has ended in the account's districts, and who is no adviser yet."""
    serving = Tenure.objects.filter(ends_on=None).values("person")
    return (
        Tenure.objects.filter(
            post__organisation__parent__parent__in=districts_run_by(account).values("pk"),
            ends_on__isnull=False,
        )
        .exclude(person__in=serving)
        .exclude(person__in=Adviser.objects.values("tenure__person"))
        .select_related("person", "post__organisation__parent")
        .order_by("post__organisation__code", "-ends_on")
    )


def years_of(adviser: Adviser) -> Years:
    """Everything the honour page counts, in three queries."""
    person = adviser.tenure.person_id
    tenures = list(
        Tenure.objects.filter(person=person)
        .select_related("post__organisation__parent")
        .order_by("starts_on")
    )
    days = sum(((tenure.ends_on or localdate()) - tenure.starts_on).days + 1 for tenure in tenures)
    mentees = Person.objects.filter(
        pk__in=Pair.objects.filter(mentor__person=person).values("mentee__person")
    )
    landed = FirstThing.objects.filter(
        enrolment__person=person, state=FirstThing.State.LANDED
    ).select_related("enrolment__season")
    return Years(tenures, round(days / DAYS_A_YEAR), list(landed), list(mentees))


def naming_blockers(tenure: Tenure, since: datetime.date) -> list[Blocker]:
    """Every reason why who held this post cannot become adviser on that day."""
    found = []
    if tenure.ends_on is None or Tenure.objects.filter(person=tenure.person_id, ends_on=None).exists():
        found.append(
            Blocker(
                "adviser.in_post",
                _("%(person)s is in post.") % {"person": tenure.person},
                _("Name as adviser who has left."),
            )
        )
    elif not tenure.ends_on < since <= localdate():
        found.append(
            Blocker(
                "adviser.since",
                _("%(day)s is no day to become adviser.") % {"day": since},
                _("Choose a day after %(last)s and not after today, %(today)s.")
                % {"last": tenure.ends_on, "today": localdate()},
            )
        )
    if Adviser.objects.filter(tenure__person=tenure.person_id).exists():
        found.append(
            Blocker(
                "adviser.named",
                _("%(person)s is adviser already.") % {"person": tenure.person},
                _("Nothing is left to do."),
            )
        )
    return found


def release_blockers(adviser: Adviser) -> list[Blocker]:
    """Every reason why the honour page cannot be public yet."""
    found = []
    if adviser.released_at:
        found.append(
            Blocker(
                "adviser.released",
                _("The page of %(person)s is public.") % {"person": adviser},
                _("Nothing is left to do."),
            )
        )
    if not adviser.thanks:
        found.append(
            Blocker(
                "adviser.thanks",
                _("The page of %(person)s has no words of thanks.") % {"person": adviser},
                _("Write them first."),
            )
        )
    return found
