"""Importing a roster: the people's part with, on top, the season's mentors and whom they coach.

A file is previewed, then confirmed by who chose it. Confirming plans again and takes only what was shown.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.actions import appoint_mentor, pair_mentee
from dongliang.mentoring.models import Mentor, Pair
from dongliang.people.actions import NewAccess, apply_roster, create_accounts_for
from dongliang.people.models import Account, Organisation, Person, Role, RosterImport
from dongliang.people.queries import roster_import_blockers
from dongliang.people.roster.planning import (
    NAMES_LISTED,
    PlannedMentor,
    RosterPlan,
    Seat,
    plan_roster,
    worded,
)
from dongliang.people.roster.reading import RosterContent, RosterRefused, read_roster
from dongliang.people.roster.workbook import current_secretaries, current_units, roster_workbook
from dongliang.seasons.actions import enrol_secretaries
from dongliang.seasons.models import Phase, Season

__all__ = ["RosterRefused", "confirm_roster", "discard_roster", "preview_roster"]


@dataclass
class ImportPlan:
    """What a file changes: the people's plan, its rows carrying the mentoring too, and what mentoring has to write."""

    people: RosterPlan
    # The one that mentors are appointed to and pairs are made in, if there is one.
    season: Season | None
    appointments: list[PlannedMentor] = field(default_factory=list)
    changed_mentors: list[Mentor] = field(default_factory=list)
    pairings: list[tuple[Seat, Person]] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        counts = self.people.counts
        return bool(counts["added"] or counts["changed"])


def season_to_fill(district: Organisation) -> Season | None:
    """The district's newest season, unless it is over."""
    season = Season.objects.filter(district=district).first()
    return season if season is not None and season.phase != Phase.CLOSED else None


def plan_import(district: Organisation, content: RosterContent) -> ImportPlan:
    """What ``content`` changes; reads only."""
    season = season_to_fill(district)
    mentors = list(season.mentors.select_related("person", "home")) if season else []
    people = plan_roster(district, content, known=[mentor.person for mentor in mentors])
    plan = ImportPlan(people, season)
    by_person = {mentor.person_id: mentor for mentor in mentors}
    for planned in people.mentors:
        plan_appointment(plan, planned, by_person.get(planned.person.pk))
    plan_pairs(plan, [*(planned.person for planned in people.mentors), *(m.person for m in mentors)])
    return plan


def plan_appointment(plan: ImportPlan, planned: PlannedMentor, mentor: Mentor | None) -> None:
    row = planned.planned
    if plan.season is None:
        row.waits = True
    elif mentor is None:
        row.differ("大梁", "", plan.season.title)
        plan.appointments.append(planned)
    else:
        changed = False
        if planned.home is not None and mentor.home != planned.home:
            row.differ("所在街镇", mentor.home.name if mentor.home else "", planned.home.name)
            mentor.home, changed = planned.home, True
        if planned.row.assesses is not None and mentor.assesses != planned.row.assesses:
            row.differ("参加实地评估", yes_or_no(mentor.assesses), yes_or_no(planned.row.assesses))
            mentor.assesses, changed = planned.row.assesses, True
        if changed:
            plan.changed_mentors.append(mentor)


def yes_or_no(value: bool) -> str:
    return "是" if value else "否"


def plan_pairs(plan: ImportPlan, mentors: Iterable[Person]) -> None:
    """Whom each 带教大梁 cell means, and whether the pair is there, is to be made, or has to wait."""
    named: dict[str, dict[object, Person]] = {}
    for person in mentors:
        for word in filter(None, (person.name, person.mobile)):
            named.setdefault(word, {}).setdefault(person.pk or id(person), person)
    enrolled = enrolments_by_seat(plan.season)
    pairs = current_pairs(plan.season)
    for seat in plan.people.seats:
        if not seat.row.mentor:
            continue
        found = list(named.get(seat.row.mentor, {}).values())
        if not named and plan.season is None:
            seat.planned.waits = True
        elif len(found) != 1:
            plan.people.refuse(seat.row, "mentor", seat.row.mentor, mentors_allowed(named, len(found)))
        elif is_same(found[0], seat.person):
            plan.people.refuse(
                seat.row,
                "mentor",
                seat.row.mentor,
                _("Somebody other than %(name)s, who cannot coach herself or himself.")
                % {"name": seat.person.name},
            )
        else:
            plan_pair(plan, seat, found[0], enrolled, pairs)


def plan_pair(
    plan: ImportPlan,
    seat: Seat,
    mentor: Person,
    enrolled: dict[tuple[int, int], int],
    pairs: dict[int, Person],
) -> None:
    enrolment = enrolled.get((seat.post.pk, seat.person.pk))
    # A season in preparation enrols whoever the roster brings; one that has opened keeps whom it opened with.
    if plan.season is None or (plan.season.phase == Phase.OPEN and enrolment is None):
        seat.planned.waits = True
        return
    before = pairs.get(enrolment) if enrolment else None
    if before is None or before.pk != mentor.pk:
        seat.planned.differ("带教大梁", before.name if before else "", mentor.name)
        plan.pairings.append((seat, mentor))


def is_same(one: Person, other: Person) -> bool:
    return one is other or (one.pk is not None and one.pk == other.pk)


def mentors_allowed(named: dict[str, dict[object, Person]], found: int) -> str:
    if found > 1:
        return _("A mobile: %(found)d mentors have this name.") % {"found": found}
    names = sorted({person.name for people in named.values() for person in people.values()})
    if not names:
        return _("A name on the sheet 大梁. There is no mentor yet: add that sheet.")
    listed = "、".join(names[:NAMES_LISTED]) + ("…" if len(names) > NAMES_LISTED else "")
    return _("The name or mobile of a mentor of the season or on the sheet 大梁: %(names)s.") % {
        "names": listed
    }


def enrolments_by_seat(season: Season | None) -> dict[tuple[int, int], int]:
    if season is None:
        return {}
    return {(post, person): pk for post, person, pk in season.enrolments.values_list("post", "person", "pk")}


def current_pairs(season: Season | None) -> dict[int, Person]:
    if season is None:
        return {}
    pairs = Pair.objects.filter(mentee__season=season, ends_on=None).select_related("mentor__person")
    return {pair.mentee_id: pair.mentor.person for pair in pairs}


# The import


@transaction.atomic
def preview_roster(
    district: Organisation, file_name: str, data: bytes, *, by: Account | None
) -> RosterImport:
    """Keep a file's rows until they are confirmed. Raises Refused, keeping nothing, if anything in it is wrong.

    An earlier preview of the same account that still waits is discarded.
    """
    content = read_roster(file_name, data)
    plan = plan_import(district, content)
    if plan.people.refusals:
        raise RosterRefused(plan.people.refusals)
    for earlier in RosterImport.objects.filter(
        district=district, uploaded_by=by, state=RosterImport.State.PREVIEWED
    ):
        discard_roster(earlier, by=by)
    return RosterImport.objects.create(
        district=district,
        file_name=file_name[-200:],
        file_sha256=hashlib.sha256(data).hexdigest(),
        rows=content.as_json(),
        counts=plan.people.counts,
        outcome_sha256=plan.people.sha256,
        uploaded_by=by,
    )


@transaction.atomic
def confirm_roster(
    roster_import: RosterImport, *, by: Account | None, shown: str | None = None
) -> RosterImport:
    """Do what the preview showed, all of it or nothing.

    ``shown`` is the fingerprint of what was last shown, the first preview's unless given. Raises Refused if the
    outcome would be another one now, or if the preview is used or another account's.
    """
    # One import at a time in a district: a second one plans on what the first has written.
    Organisation.objects.select_for_update().get(pk=roster_import.district_id)
    # Nor does a season open meanwhile: until it has, its enrolments follow the roster.
    list(Season.objects.select_for_update().filter(district=roster_import.district_id))
    roster_import = locked(roster_import, by)
    plan = plan_import(roster_import.district, RosterContent.from_json(roster_import.rows))
    if plan.people.refusals:
        raise RosterRefused(plan.people.refusals)
    if plan.people.sha256 != (shown or roster_import.outcome_sha256):
        raise Refused(
            Blocker(
                "roster.moved_on",
                _(
                    "The roster has changed since this preview was shown, so the file would now do something else."
                ),
                _("Look at the new preview, then confirm."),
            )
        )
    apply_import(plan, by=by)
    return finish(roster_import, RosterImport.State.CONFIRMED, plan.people.counts, by=by)


@transaction.atomic
def discard_roster(roster_import: RosterImport, *, by: Account | None) -> RosterImport:
    """Forget the file's rows."""
    roster_import = locked(roster_import, by)
    return finish(roster_import, RosterImport.State.DISCARDED, roster_import.counts, by=by)


def locked(roster_import: RosterImport, by: Account | None) -> RosterImport:
    roster_import = RosterImport.objects.select_for_update().get(pk=roster_import.pk)
    if blockers := roster_import_blockers(roster_import, by):
        raise Refused(blockers)
    return roster_import


def finish(
    roster_import: RosterImport, state: str, counts: dict[str, int], *, by: Account | None
) -> RosterImport:
    roster_import.state, roster_import.counts, roster_import.rows = state, counts, {}
    roster_import.save(update_fields=["state", "counts", "rows"])
    log_action(
        f"mentoring.roster.{state}", roster_import, by=by, file=roster_import.file_sha256, counts=counts
    )
    return roster_import


def apply_import(plan: ImportPlan, *, by: Account | None) -> None:
    apply_roster(plan.people, by=by)
    if plan.season is None:
        return
    enrol_secretaries(plan.season)
    for planned in plan.appointments:
        appoint_mentor(
            plan.season,
            planned.person,
            by=by,
            home=planned.home,
            assesses=planned.row.assesses is not False,
        )
    for mentor in plan.changed_mentors:
        mentor.save(update_fields=["home", "assesses"])
        log_action("mentoring.mentor.changed", mentor, by=by)
    mentors = {mentor.person_id: mentor for mentor in plan.season.mentors.select_related("person")}
    enrolled = {(entry.post_id, entry.person_id): entry for entry in plan.season.enrolments.all()}
    for seat, person in plan.pairings:
        pair_mentee(mentors[person.pk], enrolled[seat.post.pk, seat.person.pk], by=by, starts_on=localdate())


# The roster as it is


def export_roster(district: Organisation) -> bytes:
    """The current roster as a workbook that changes nothing when it is imported."""
    season = season_to_fill(district)
    mentors = list(season.mentors.select_related("person", "home")) if season else []
    names = [mentor.person.name for mentor in mentors]
    enrolled, pairs = enrolments_by_seat(season), current_pairs(season)
    secretaries = []
    for post, tenure, row in current_secretaries(district):
        mentor = pairs.get(enrolled.get((post.pk, tenure.person_id), 0)) if tenure else None
        if mentor is not None:
            row["带教大梁"] = mentor.mobile if names.count(mentor.name) > 1 else mentor.name
        secretaries.append(row)
    return roster_workbook(current_units(district), secretaries, map(mentor_row, mentors))


def mentor_row(mentor: Mentor) -> dict[str, object]:
    person = mentor.person
    return {
        "姓名": person.name,
        "手机": person.mobile,
        "性别": worded("gender", person.gender),
        "出生年": person.born,
        "所在街镇": mentor.home.name if mentor.home else None,
        "参加实地评估": yes_or_no(mentor.assesses),
    }


def create_mentor_accounts(season: Season, *, by: Account | None) -> list[NewAccess]:
    """An account for every mentor of the season without one; a new link for every one not activated yet."""
    mentors = season.mentors.select_related("person", "home")
    people = [(mentor.person, mentor.home or season.district) for mentor in mentors]
    return create_accounts_for(people, Role.MENTOR, district=season.district, by=by)
