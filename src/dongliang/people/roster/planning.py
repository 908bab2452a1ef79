"""What a roster would change: worked out whole, in memory, before anything is written.

Organisations are told by parent and name. A person is told by mobile, and without one by the name of who holds the
post already. What the file does not name stays as it is.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Q, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dongliang.common.canonical import fingerprint
from dongliang.people.models import Organisation, OrganisationKind, Person, Post, Tenure, TenureKind
from dongliang.people.roster.columns import (
    ESTATE_KINDS,
    GENDERS,
    NEIGHBOURHOOD_KINDS,
    SHEETS,
    TENURE_KINDS,
    UNIT_KINDS,
)
from dongliang.people.roster.reading import (
    MentorRow,
    Refusal,
    RosterContent,
    SecretaryRow,
    UnitRow,
    shortened,
)

ONE_DAY = datetime.timedelta(days=1)
# A term lasts years. A later date for the same person within one year is a correction, not a new term.
NEW_TERM = datetime.timedelta(days=365)
NAMES_LISTED = 12
QUERY_SIZE = 500

CHOICES: dict[str, dict[str, Any]] = {
    "kind": {**UNIT_KINDS, **NEIGHBOURHOOD_KINDS},
    "gender": {**GENDERS},
    "how": {**TENURE_KINDS},
    "estate": {**ESTATE_KINDS},
}
WORDS = {key: {value: word for word, value in choices.items()} for key, choices in CHOICES.items()}
HEADINGS = {(sheet, column.key): column.heading for sheet, columns in SHEETS.items() for column in columns}


class Outcome(TextChoices):
    ADDED = "added", gettext_lazy("to be added")
    CHANGED = "changed", gettext_lazy("to be changed")
    UNCHANGED = "unchanged", gettext_lazy("stays as it is")


@dataclass(frozen=True)
class Difference:
    """One cell's effect. Heading and values are in the words of the file, whatever the language of the page."""

    heading: str
    before: str
    after: str


@dataclass
class PlannedRow:
    """What one row of the file does."""

    sheet: str
    row: int
    label: str
    outcome: Outcome = Outcome.UNCHANGED
    differences: list[Difference] = field(default_factory=list)
    # Whether part of the row cannot be done yet, but can by the same file later.
    waits: bool = False

    def differ(self, heading: str, before: str, after: str) -> None:
        self.differences.append(Difference(heading, before, after))
        if self.outcome == Outcome.UNCHANGED:
            self.outcome = Outcome.CHANGED


@dataclass
class Seat:
    """A post and who sits, or comes to sit, there: since when, and appointed how."""

    row: SecretaryRow
    planned: PlannedRow
    organisation: Organisation
    post: Post
    person: Person
    since: datetime.date
    how: str


@dataclass
class PlannedMentor:
    row: MentorRow
    planned: PlannedRow
    person: Person
    home: Organisation | None


@dataclass
class RosterPlan:
    """The outcome of every row, and the model instances that have to be written for it, in order."""

    district: Organisation
    rows: dict[tuple[str, int], PlannedRow] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    # How many serving secretaries the file does not name.
    absent: int = 0
    seats: list[Seat] = field(default_factory=list)
    mentors: list[PlannedMentor] = field(default_factory=list)
    new_units: list[Organisation] = field(default_factory=list)
    new_neighbourhoods: list[Organisation] = field(default_factory=list)
    changed_organisations: list[Organisation] = field(default_factory=list)
    new_posts: list[Post] = field(default_factory=list)
    new_persons: list[Person] = field(default_factory=list)
    changed_persons: dict[int, Person] = field(default_factory=dict)
    ended: dict[int, Tenure] = field(default_factory=dict)
    corrected: list[Tenure] = field(default_factory=list)
    new_tenures: list[Tenure] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.outcome for row in self.rows.values())
        return {outcome.value: found[outcome] for outcome in Outcome} | {
            "waiting": sum(row.waits for row in self.rows.values())
        }

    @property
    def sha256(self) -> str:
        """The fingerprint of what the plan shows: two plans that show the same have the same."""
        return fingerprint(
            [
                [row.sheet, row.row, row.label, row.outcome.value, row.waits]
                + [[one.heading, one.before, one.after] for one in row.differences]
                for row in self.rows.values()
            ]
        )

    def refuse(self, row: UnitRow | SecretaryRow | MentorRow, key: str, value: object, allowed: str) -> None:
        self.refusals.append(Refusal(row.sheet, row.row, HEADINGS[row.sheet, key], shortened(value), allowed))


def plan_roster(
    district: Organisation, content: RosterContent, *, known: Iterable[Person] = ()
) -> RosterPlan:
    """What ``content`` changes in ``district``: a handful of queries, whatever the number of rows.

    ``known`` are people besides the secretaries whom the file may name: the mentors there are.
    """
    planner = Planner(district, content, known)
    for unit in content.units:
        planner.plan_unit(unit)
    for secretary in content.secretaries:
        planner.plan_neighbourhood(secretary)
    for seat in planner.plan.seats:
        planner.plan_tenure(seat)
    for mentor in content.mentors:
        planner.plan_mentor(mentor)
    planner.plan.absent = planner.count_absent()
    return planner.plan


class Planner:
    def __init__(self, district: Organisation, content: RosterContent, known: Iterable[Person]) -> None:
        self.plan = RosterPlan(district, unread=content.unread)
        self.known = list(known)
        self.district = district
        self.load_organisations()
        self.load_people(content)
        # What the file has said so far, to tell when it says something else.
        self.unit_rows: dict[str, int] = {}
        self.neighbourhood_rows: dict[tuple[str, str], int] = {}
        self.mentor_rows: dict[int, int] = {}
        # Persons by identity: the new ones have no key yet.
        self.seat_of: dict[int, Seat] = {}
        self.stated: dict[tuple[int, str], tuple[Any, SecretaryRow | MentorRow]] = {}

    def load_organisations(self) -> None:
        below = Organisation.objects.filter(Q(parent=self.district) | Q(parent__parent=self.district))
        self.units: dict[str, Organisation] = {}
        self.neighbourhoods: dict[tuple[str, str], Organisation] = {}
        for organisation in below.select_related("parent"):
            if organisation.parent_id == self.district.pk:
                self.units[organisation.name] = organisation
            else:
                self.neighbourhoods[organisation.above.name, organisation.name] = organisation
        self.posts = {
            post.organisation_id: post
            for post in Post.objects.filter(organisation__parent__parent=self.district)
        }
        codes = Organisation.objects.filter(code__startswith=self.district.code).values_list(
            "code", flat=True
        )
        self.codes = set(codes)
        self.next_number: Counter[str] = Counter()

    def load_people(self, content: RosterContent) -> None:
        """Whoever the file may speak of: who serves or served in the district, and whose mobile is in the file."""
        self.holder: dict[int, Tenure] = {}
        self.serving: dict[int, Tenure] = {}
        self.past_of_post: dict[int, list[Tenure]] = defaultdict(list)
        self.past_of_person: dict[int, list[Tenure]] = defaultdict(list)
        here = Tenure.objects.filter(post__organisation__parent__parent=self.district)
        people = {tenure.person_id: tenure.person for tenure in here.select_related("person")}
        for person in self.known:
            people.setdefault(person.pk, person)
        mobiles = {row.mobile for row in content.secretaries} | {row.mobile for row in content.mentors}
        for some in in_parts(sorted(filter(None, mobiles))):
            for person in Person.objects.filter(mobile__in=some):
                people.setdefault(person.pk, person)
        self.people = people
        self.by_mobile = {person.mobile: person for person in people.values() if person.mobile}
        for some in in_parts(sorted(people)):
            theirs = Tenure.objects.filter(person__in=some).select_related(
                "post__organisation__parent__parent"
            )
            for tenure in theirs:
                tenure.person = people[tenure.person_id]
                if tenure.ends_on is None:
                    self.serving[tenure.person_id] = tenure
                    if tenure.post.organisation.above.parent_id == self.district.pk:
                        self.holder[tenure.post_id] = tenure
                else:
                    self.past_of_post[tenure.post_id].append(tenure)
                    self.past_of_person[tenure.person_id].append(tenure)

    def begin(self, row: UnitRow | SecretaryRow | MentorRow, label: str) -> PlannedRow:
        planned = self.plan.rows[row.sheet, row.row] = PlannedRow(row.sheet, row.row, label)
        return planned

    def new_code(self, prefix: str) -> str:
        """The next code under ``prefix``; codes given stay, so a later import continues where this one ended."""
        while True:
            self.next_number[prefix] += 1
            code = f"{prefix}{self.next_number[prefix]:02d}"
            if code not in self.codes:
                self.codes.add(code)
                return code

    # Subdistricts, towns and departments

    def plan_unit(self, row: UnitRow) -> None:
        planned = self.begin(row, row.name)
        if row.name in self.unit_rows:
            self.plan.refuse(
                row,
                "name",
                row.name,
                _("Each once; row %(row)d has it already.") % {"row": self.unit_rows[row.name]},
            )
            return
        self.unit_rows[row.name] = row.row
        unit = self.units.get(row.name)
        if unit is None:
            prefix = (
                f"{self.district.code}D" if row.kind == OrganisationKind.DEPARTMENT else self.district.code
            )
            unit = self.new_organisation(self.district, row.kind, row.name, prefix)
            self.units[row.name] = unit
            self.plan.new_units.append(unit)
            planned.outcome = Outcome.ADDED
            planned.differ(HEADINGS[row.sheet, "kind"], "", WORDS["kind"][row.kind])
        elif unit.kind != row.kind:
            if OrganisationKind.DEPARTMENT in (unit.kind, row.kind):
                self.plan.refuse(
                    row,
                    "kind",
                    WORDS["kind"][row.kind],
                    _("%(kind)s, as %(name)s is on record. A subdistrict does not become a department.")
                    % {"kind": WORDS["kind"][unit.kind], "name": row.name},
                )
                return
            self.set_profile(planned, row, unit, {"kind": row.kind})

    def new_organisation(self, parent: Organisation, kind: str, name: str, prefix: str) -> Organisation:
        return Organisation(kind=kind, parent=parent, code=self.new_code(prefix), name=name)

    def set_profile(
        self,
        planned: PlannedRow,
        row: UnitRow | SecretaryRow,
        organisation: Organisation,
        values: dict[str, Any],
    ) -> None:
        """Take over what the row says of the organisation. An empty cell leaves what is known."""
        attributes = {"estate": "estate_kind"}
        changed = False
        for key, value in values.items():
            attribute = attributes.get(key, key)
            before = getattr(organisation, attribute)
            if value is not None and value != before:
                planned.differ(HEADINGS[row.sheet, key], worded(key, before), worded(key, value))
                setattr(organisation, attribute, value)
                changed = True
        if changed and organisation.pk:
            self.plan.changed_organisations.append(organisation)

    # Neighbourhoods and villages

    def plan_neighbourhood(self, row: SecretaryRow) -> None:
        planned = self.begin(row, f"{row.unit} {row.neighbourhood}")
        unit = self.units.get(row.unit)
        if unit is None or unit.kind == OrganisationKind.DEPARTMENT:
            self.plan.refuse(row, "unit", row.unit, self.units_allowed())
            return
        organisation = self.neighbourhoods.get((row.unit, row.neighbourhood))
        if organisation is None:
            kind = row.kind or OrganisationKind.NEIGHBOURHOOD
            organisation = self.new_organisation(unit, kind, row.neighbourhood, unit.code)
            self.neighbourhoods[row.unit, row.neighbourhood] = organisation
            self.plan.new_neighbourhoods.append(organisation)
            planned.outcome = Outcome.ADDED
            planned.differ(HEADINGS[row.sheet, "kind"], "", WORDS["kind"][kind])
        elif earlier := self.neighbourhood_rows.get((row.unit, row.neighbourhood)):
            self.plan.refuse(
                row,
                "neighbourhood",
                row.neighbourhood,
                _("Each neighbourhood once; row %(row)d has it already.") % {"row": earlier},
            )
            return
        self.neighbourhood_rows[row.unit, row.neighbourhood] = row.row
        self.set_profile(
            planned,
            row,
            organisation,
            {
                "kind": row.kind,
                "households": row.households,
                "residents": row.residents,
                "estate": row.estate,
            },
        )
        post = self.posts.get(organisation.pk) if organisation.pk else None
        if post is None:
            post = Post(organisation=organisation)
            self.plan.new_posts.append(post)
        self.seat(row, planned, organisation, post)

    def units_allowed(self) -> str:
        names = [unit.name for unit in self.units.values() if unit.kind != OrganisationKind.DEPARTMENT]
        if not names:
            return _("A name on the sheet 街镇部门. There is none yet: add that sheet.")
        listed = "、".join(names[:NAMES_LISTED]) + ("…" if len(names) > NAMES_LISTED else "")
        return _("A subdistrict or town on record or on the sheet 街镇部门: %(names)s.") % {"names": listed}

    # Who sits where

    def seat(self, row: SecretaryRow, planned: PlannedRow, organisation: Organisation, post: Post) -> None:
        # The three are filled together or not at all: reading has seen to it.
        if row.name is None or row.since is None or row.how is None:
            return
        holder = self.holder.get(post.pk) if post.pk else None
        person = self.person_for(row, row.name, holder)
        if person is None:
            return
        if taken := self.seat_of.get(id(person)):
            self.plan.refuse(
                row,
                "mobile" if row.mobile else "name",
                row.mobile or row.name,
                _("A person in one post; row %(row)d has %(name)s at %(post)s.")
                % {"row": taken.row.row, "name": person.name, "post": taken.organisation.name},
            )
            return
        seat = self.seat_of[id(person)] = Seat(row, planned, organisation, post, person, row.since, row.how)
        self.plan.seats.append(seat)
        self.set_person(planned, row, person, named=holder is not None and holder.person is person)

    def person_for(self, row: SecretaryRow, name: str, holder: Tenure | None) -> Person | None:
        """Whom the row means: by mobile, else the holder of that name, else somebody new."""
        known = self.by_mobile.get(row.mobile) if row.mobile else None
        if known is not None:
            corrected = holder is not None and holder.person is known and holder.starts_on == row.since
            if known.name != name and not corrected:
                self.plan.refuse(
                    row,
                    "mobile",
                    row.mobile,
                    _(
                        "The mobile of %(name)s: it is %(owner)s's. Two people cannot share one; correct it, or empty the cell."
                    )
                    % {"name": name, "owner": known.name},
                )
                return None
            return known
        if holder is not None and holder.person.name == name:
            return holder.person
        return self.new_person(name)

    def new_person(self, name: str) -> Person:
        person = Person(name=name)
        self.plan.new_persons.append(person)
        return person

    def set_person(
        self, planned: PlannedRow, row: SecretaryRow | MentorRow, person: Person, *, named: bool
    ) -> None:
        """Take over what the row says of the person; ``named`` says whether a new name is worth telling."""
        changed = False
        for key in ("name", "gender", "born", "mobile"):
            value, before = getattr(row, key), getattr(person, key)
            if value is None:
                continue
            said, by_row = self.stated.setdefault((id(person), key), (value, row))
            if said != value:
                self.plan.refuse(
                    row,
                    key,
                    worded(key, value),
                    _(
                        "%(value)s, as sheet %(sheet)s, row %(row)d says of the same person; or correct that one."
                    )
                    % {"value": worded(key, said), "sheet": by_row.sheet, "row": by_row.row},
                )
            elif value != before:
                setattr(person, key, value)
                changed = True
                if key != "name" or named:
                    planned.differ(HEADINGS[row.sheet, key], worded(key, before), worded(key, value))
        if row.mobile:
            self.by_mobile[row.mobile] = person
        if changed and person.pk:
            self.plan.changed_persons[person.pk] = person

    # From when, and until when

    def plan_tenure(self, seat: Seat) -> None:
        """Let the person have the post since the row's date, ending what that ends, or say why it cannot be."""
        person = seat.person
        holder = self.holder.get(seat.post.pk) if seat.post.pk else None
        if holder is not None and holder.person is person:
            if (holder.starts_on, holder.kind) == (seat.since, seat.how):
                return
            if seat.how != TenureKind.REELECTED or seat.since - holder.starts_on < NEW_TERM:
                self.correct(seat, holder)
                return
        elsewhere = self.serving.get(person.pk) if person.pk else None
        ending = list({id(one): one for one in (holder, elsewhere) if one is not None}.values())
        if not all(self.can_end(seat, tenure) for tenure in ending) or not self.is_free(seat):
            return
        planned = seat.planned
        if holder is None or holder.person is not person:
            planned.differ("姓名", holder.person.name if holder else "", person.name)
        if elsewhere is not None and elsewhere is not holder:
            planned.differ("居村", str(elsewhere.post), seat.organisation.name)
        planned.differ("到任日期", str(holder.starts_on) if holder else "", str(seat.since))
        planned.differ("任职方式", WORDS["how"][holder.kind] if holder else "", WORDS["how"][seat.how])
        last = seat.since - ONE_DAY
        for tenure in ending:
            tenure.ends_on = min(tenure.ends_on or last, last)
            self.plan.ended[tenure.pk] = tenure
        self.plan.new_tenures.append(
            Tenure(post=seat.post, person=person, kind=seat.how, starts_on=seat.since)
        )

    def correct(self, seat: Seat, holder: Tenure) -> None:
        if not self.is_free(seat):
            return
        if holder.starts_on != seat.since:
            seat.planned.differ("到任日期", str(holder.starts_on), str(seat.since))
        if holder.kind != seat.how:
            seat.planned.differ("任职方式", WORDS["how"][holder.kind], WORDS["how"][seat.how])
        holder.starts_on, holder.kind = seat.since, seat.how
        self.plan.corrected.append(holder)

    def can_end(self, seat: Seat, tenure: Tenure) -> bool:
        """Whether ``tenure`` may end the day before the row's date."""
        if tenure.post.organisation.above.parent_id != self.district.pk:
            self.plan.refuse(
                seat.row,
                "name",
                seat.row.name,
                _("Somebody who holds no post in another district; %(name)s serves at %(post)s there.")
                % {"name": tenure.person.name, "post": tenure.post},
            )
            return False
        if seat.since > tenure.starts_on:
            return True
        self.plan.refuse(
            seat.row,
            "since",
            seat.since,
            _("A date after %(day)s, when %(name)s came to %(post)s.")
            % {"day": tenure.starts_on, "name": tenure.person.name, "post": tenure.post},
        )
        return False

    def is_free(self, seat: Seat) -> bool:
        """Whether neither the post nor the person has a past tenure that reaches to the row's date."""
        past = [
            *(self.past_of_post[seat.post.pk] if seat.post.pk else ()),
            *(self.past_of_person[seat.person.pk] if seat.person.pk else ()),
        ]
        last = max(past, key=lambda tenure: tenure.ends_on, default=None)
        if last is None or seat.since > last.ends_on:
            return True
        self.plan.refuse(
            seat.row,
            "since",
            seat.since,
            _("A date after %(day)s: until then %(name)s was at %(post)s.")
            % {"day": last.ends_on, "name": last.person.name, "post": last.post},
        )
        return False

    # Mentors, as persons; what they are in a season is not this app's to know

    def plan_mentor(self, row: MentorRow) -> None:
        planned = self.begin(row, row.name)
        home = self.units.get(row.unit) if row.unit else None
        if row.unit and (home is None or home.kind == OrganisationKind.DEPARTMENT):
            self.plan.refuse(row, "unit", row.unit, self.units_allowed())
            return
        if (person := self.mentor_person(row, planned)) is None:
            return
        if earlier := self.mentor_rows.get(id(person)):
            self.plan.refuse(
                row, "name", row.name, _("Each once; row %(row)d has it already.") % {"row": earlier}
            )
            return
        self.mentor_rows[id(person)] = row.row
        self.set_person(planned, row, person, named=False)
        self.plan.mentors.append(PlannedMentor(row, planned, person, home))

    def mentor_person(self, row: MentorRow, planned: PlannedRow) -> Person | None:
        """Whom the row means: by mobile, else the one of that name who serves there or is a mentor, else somebody new."""
        if row.mobile and (known := self.by_mobile.get(row.mobile)):
            if known.name == row.name:
                return known
            self.plan.refuse(
                row,
                "name",
                row.name,
                _("%(owner)s, whose mobile %(mobile)s is; or correct the mobile.")
                % {"owner": known.name, "mobile": row.mobile},
            )
            return None
        found = {
            id(person): person
            for person, unit in self.circle[row.name]
            if (unit in (None, row.unit) or not (row.unit or row.mobile))
            and not (row.mobile and person.mobile)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        if row.mobile:
            planned.outcome = Outcome.ADDED
            return self.new_person(row.name)
        self.plan.refuse(
            row,
            "mobile",
            "",
            _("The mobile of %(name)s: %(found)d people of that name are on record there.")
            % {"name": row.name, "found": len(found)},
        )
        return None

    @cached_property
    def circle(self) -> dict[str, list[tuple[Person, str | None]]]:
        """By name, who serves in which subdistrict once all are seated, and, without one, who the caller knows."""
        found: dict[str, list[tuple[Person, str | None]]] = defaultdict(list)
        for seat in self.plan.seats:
            found[seat.person.name].append((seat.person, seat.row.unit))
        for tenure in self.holder.values():
            if tenure.ends_on is None:
                found[tenure.person.name].append((tenure.person, tenure.post.organisation.above.name))
        for person in self.known:
            found[person.name].append((self.people.get(person.pk, person), None))
        return found

    def count_absent(self) -> int:
        named = {seat.organisation.pk for seat in self.plan.seats}
        return sum(
            tenure.post.organisation_id not in named
            for tenure in self.holder.values()
            if tenure.ends_on is None
        )


def in_parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Few enough at a time for one query on either database."""
    return (values[start : start + QUERY_SIZE] for start in range(0, len(values), QUERY_SIZE))


def worded(key: str, value: Any) -> str:
    """A value in the words of the file."""
    return "" if value in (None, "") else WORDS.get(key, {}).get(value, str(value))
