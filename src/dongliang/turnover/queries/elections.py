"""The day after the election: who is new, stays, has moved or left, and what is still to be done."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q, QuerySet, TextChoices
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from dongliang.common.pinyin import has_initials, is_initials
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Pair
from dongliang.people.models import Account, Organisation, Person, Post, RosterImport, Tenure, TenureKind
from dongliang.people.queries import districts_run_by
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Season
from dongliang.turnover.models import Election, Handover

ONE_DAY = datetime.timedelta(days=1)


class Move(TextChoices):
    NEW = "new", pgettext_lazy("after the election", "new")
    STAYS = "stays", pgettext_lazy("after the election", "stays")
    MOVED = "moved", pgettext_lazy("after the election", "moved")
    ACTING = "acting", pgettext_lazy("after the election", "acting")
    LEFT = "left", pgettext_lazy("after the election", "left")


@dataclass(frozen=True)
class Change:
    """What the election did to one person: the tenure before, and the tenure now."""

    person: Person
    before: Tenure | None
    after: Tenure | None
    move: Move

    @property
    def post(self) -> Post:
        tenure = self.after or self.before
        if tenure is None:
            raise ValueError("a change has a tenure before or after")
        return tenure.post


@dataclass(frozen=True)
class Step:
    """One step of the day after: how many of how many are done."""

    key: str
    name: str
    done: int
    total: int

    @property
    def finished(self) -> bool:
        return self.total > 0 and self.done >= self.total


def elections_visible_to(account: Account) -> QuerySet[Election]:
    return Election.objects.filter(district__in=districts_run_by(account)).select_related("district")


def beginning_blockers(district: Organisation, held_on: datetime.date) -> list[Blocker]:
    """Every reason why no election of that day can be worked on in the district."""
    found = []
    if Election.objects.filter(district=district, held_on=held_on).exists():
        found.append(
            Blocker(
                "election.there",
                _("The election of %(day)s is being worked on.") % {"day": held_on},
                _("Go on with that one."),
            )
        )
    if held_on > localdate():
        found.append(
            Blocker(
                "election.future",
                _("%(day)s has not come yet.") % {"day": held_on},
                _("Begin on the day of the election or later."),
            )
        )
    return found


def changes(election: Election) -> list[Change]:
    """Everybody in post on the day before the election or now, by neighbourhood. One query."""
    eve = election.held_on - ONE_DAY
    in_post_then = Q(starts_on__lte=eve) & (Q(ends_on=None) | Q(ends_on__gte=eve))
    tenures = (
        Tenure.objects.filter(
            Q(ends_on=None) | in_post_then, post__organisation__parent__parent=election.district_id
        )
        .select_related("person", "post__organisation__parent")
        .order_by("post__organisation__code", "-starts_on")
    )
    before: dict[int, Tenure] = {}
    after: dict[int, Tenure] = {}
    for tenure in tenures:
        if tenure.ends_on is None:
            after[tenure.person_id] = tenure
        if tenure.starts_on <= eve and (tenure.ends_on is None or tenure.ends_on >= eve):
            before[tenure.person_id] = tenure
    people = {tenure.person_id: tenure.person for tenure in tenures}
    return [
        Change(person, before.get(pk), after.get(pk), move_of(before.get(pk), after.get(pk)))
        for pk, person in people.items()
    ]


def move_of(before: Tenure | None, after: Tenure | None) -> Move:
    if after is None:
        return Move.LEFT
    if before is not None:
        return Move.STAYS if before.post_id == after.post_id else Move.MOVED
    return {
        TenureKind.REELECTED: Move.STAYS,
        TenureKind.MOVED: Move.MOVED,
        TenureKind.ACTING: Move.ACTING,
    }.get(TenureKind(after.kind), Move.NEW)


def matching_changes(
    found: Sequence[Change], *, search: str = "", subdistrict: Organisation | None = None, move: str = ""
) -> list[Change]:
    """The rows that a filter bar asks for."""
    search = search.strip()
    return [
        change
        for change in found
        if (not move or change.move == move)
        and (subdistrict is None or change.post.organisation.parent_id == subdistrict.pk)
        and (
            not search
            or search in change.person.name
            or search in change.post.organisation.name
            or (is_initials(search) and has_initials(change.person.name, search))
        )
    ]


class DayAfter:
    """What an election asks for, worked out from what is on record: a fixed number of queries."""

    def __init__(self, election: Election) -> None:
        self.election = election
        self.changes = changes(election)
        self.vacated = [
            change.before
            for change in self.changes
            if change.before is not None and change.before.ends_on is not None
        ]
        self.in_post = [change.after for change in self.changes if change.after is not None]
        self.new = [change.after for change in self.changes if change.after and change.move == Move.NEW]

    @cached_property
    def season(self) -> Season | None:
        return Season.objects.filter(district=self.election.district_id).first()

    @cached_property
    def roster(self) -> RosterImport | None:
        """The last roster imported on or after the day of the election."""
        return RosterImport.objects.filter(
            district=self.election.district_id,
            state=RosterImport.State.CONFIRMED,
            uploaded_at__date__gte=self.election.held_on,
        ).first()

    @cached_property
    def without_handover(self) -> list[Tenure]:
        there = set(
            Handover.objects.filter(
                leaver__post__organisation__parent__parent=self.election.district_id
            ).values_list("leaver", flat=True)
        )
        return [tenure for tenure in self.vacated if tenure.pk not in there]

    @cached_property
    def waiting(self) -> list[Handover]:
        """Handovers that wait for a successor who has come since."""
        return list(
            Handover.objects.filter(
                leaver__post__organisation__parent__parent=self.election.district_id,
                successor=None,
                leaver__ends_on__isnull=False,
            ).select_related("leaver__post")
        )

    @cached_property
    def steps(self) -> list[Step]:
        serving = {tenure.person_id for tenure in self.in_post}
        new = {tenure.person_id for tenure in self.new}
        with_account = set(
            Account.objects.filter(
                person__tenures__post__organisation__parent__parent=self.election.district_id
            ).values_list("person", flat=True)
        )
        paired = set(
            Pair.objects.filter(mentee__season=self.season, ends_on=None).values_list(
                "mentee__person", flat=True
            )
        )
        registered = set(
            FirstThing.objects.filter(enrolment__season=self.season).values_list(
                "enrolment__person", flat=True
            )
        )
        handed = len(self.vacated) - len(self.without_handover)
        return [
            Step("roster", _("New roster imported"), int(self.roster is not None), 1),
            Step("accounts", _("Accounts for those in post"), len(serving & with_account), len(serving)),
            Step("handovers", _("Handover lists opened"), handed, len(self.vacated)),
            Step("pairs", _("New secretaries paired"), len(new & paired), len(new)),
            Step("first_things", _("First things registered"), len(new & registered), len(new)),
        ]
