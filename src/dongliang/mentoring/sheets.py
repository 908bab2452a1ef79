"""Profiles as a workbook: written, read, and held against what is on record, before anything changes.

Reads with the machinery of the roster. Headings and values are Chinese in every language of the pages: they are the
format of the file. People are told by their number in the season; the name beside it must fit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dongliang.common.canonical import fingerprint
from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Column, Table, read_sheets, write_xlsx
from dongliang.mentoring.models import WORDS_LENGTH, Level, Mentor, Tier
from dongliang.mentoring.queries.profiles import MOST_PLACES, mentees, profile_of
from dongliang.mentoring.vocabulary import headings
from dongliang.people.roster.columns import YES_OR_NO, NotTaken, RosterColumn, choice, text, whole
from dongliang.people.roster.planning import Outcome, PlannedRow
from dongliang.people.roster.reading import Reading, Refusal, RosterRefused, shortened
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.rulebook import RuleBookContent

MENTORS, MENTEES = "大梁档案", "小梁需求"
TIERS = {"大梁": Tier.DISTRICT.value, "工作室": Tier.STUDIO.value}
STRENGTHS = {"一般": Level.NONE.value, "能帮上": Level.SOME.value, "很拿手": Level.MUCH.value}
NEEDS = {"不需要": Level.NONE.value, "需要": Level.SOME.value, "很需要": Level.MUCH.value}
TEMPLATE_ROWS = 500


def number(least: int, most: int) -> Any:
    def read(value: Any) -> int:
        found = whole(value)
        if found is None or not least <= found <= most:
            raise NotTaken(_("A whole number from %(least)d to %(most)d.") % {"least": least, "most": most})
        return found

    return read


NUMBER = RosterColumn(
    "编号",
    "number",
    number(1, 1_000_000),
    required=True,
    note=gettext_lazy("The number in the season; leave it as it is."),
)
NAME = RosterColumn("姓名", "name", text(40), required=True)


def columns_for(rules: RuleBookContent) -> dict[str, tuple[RosterColumn, ...]]:
    """The two sheets of a season: what its rule book names are columns."""
    things = headings(rules)
    words = RosterColumn(
        "自述", "words", text(WORDS_LENGTH), note=gettext_lazy("In own words, at most 500 characters.")
    )
    return {
        MENTORS: (
            NUMBER,
            NAME,
            choice("层级", "tier", TIERS),
            RosterColumn(
                "带教名额",
                "capacity",
                number(0, MOST_PLACES),
                note=gettext_lazy("Empty: as many as the rule book allows."),
            ),
            RosterColumn("任职年数", "years", number(0, 60)),
            *(choice(heading, key, STRENGTHS) for key, heading in things.items()),
            words,
        ),
        MENTEES: (
            NUMBER,
            NAME,
            choice("需要带教", "wants_mentor", YES_OR_NO),
            *(choice(heading, key, NEEDS) for key, heading in things.items()),
            words,
        ),
    }


def word_for(choices: Mapping[str, Any], value: Any) -> str | None:
    return next((word for word, meant in choices.items() if meant == value), None)


# Writing


def profiles_workbook(
    rules: RuleBookContent, mentors: Iterable[Mentor], secretaries: Iterable[Enrolment]
) -> bytes:
    """The profiles as they are, as a workbook that changes nothing when it is imported."""
    sheets = columns_for(rules)
    rows = {
        MENTORS: [mentor_cells(mentor) for mentor in mentors],
        MENTEES: [mentee_cells(entry) for entry in secretaries],
    }
    return write_xlsx(
        Table(
            name,
            [Column(column.heading, column.choices, str(column.note)) for column in sheets[name]],
            [[row.get(column.key) for column in sheets[name]] for row in rows[name]],
        )
        for name in sheets
    )


def mentor_cells(mentor: Mentor) -> dict[str, Any]:
    return {
        "number": mentor.number,
        "name": mentor.person.name,
        "tier": word_for(TIERS, mentor.tier),
        "capacity": mentor.capacity,
        "years": mentor.years,
        "words": mentor.words,
    } | {key: word_for(STRENGTHS, level) for key, level in mentor.strengths.items()}


def mentee_cells(enrolment: Enrolment) -> dict[str, Any]:
    profile = profile_of(enrolment)
    cells: dict[str, Any] = {"number": enrolment.number, "name": enrolment.person.name}
    if profile is None:
        return cells
    cells |= {"wants_mentor": word_for(YES_OR_NO, profile.wants_mentor), "words": profile.words}
    return cells | {key: word_for(NEEDS, level) for key, level in profile.needs.items()}


# Reading


def read_profiles(rules: RuleBookContent, file_name: str, data: bytes) -> dict[str, list[dict[str, Any]]]:
    """The rows of a file by sheet. Raises Refused where it is no readable file, RosterRefused where cells are wrong."""
    reading = Reading(columns_for(rules))
    for sheet in read_sheets(file_name, data):
        reading.take(sheet)
    if reading.refusals:
        raise RosterRefused(reading.refusals)
    if not any(reading.taken.values()):
        raise Refused(
            Blocker(
                "profiles.no_rows",
                _("The file has no rows on a sheet 大梁档案 or 小梁需求."),
                _("Download the profiles as they are, change what has changed, and choose that file."),
            )
        )
    return reading.taken


@dataclass
class ProfilePlan:
    """What a file of profiles does, row by row."""

    rows: list[PlannedRow] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    # What to keep: mentors and secretaries with all that their rows say after the change.
    mentors: list[tuple[Mentor, dict[str, Any]]] = field(default_factory=list)
    mentees: list[tuple[Enrolment, dict[str, Any]]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.outcome for row in self.rows)
        return {outcome.value: found[outcome] for outcome in Outcome} | {"waiting": 0}

    @property
    def changes(self) -> bool:
        return bool(self.mentors or self.mentees)

    @property
    def sha256(self) -> str:
        """The fingerprint of what the plan shows."""
        return fingerprint(
            [
                [row.sheet, row.row, row.label, row.outcome.value]
                + [[one.heading, one.before, one.after] for one in row.differences]
                for row in self.rows
            ]
        )


def plan_profiles(season: Season, taken: Mapping[str, list[dict[str, Any]]]) -> ProfilePlan:
    """What the rows change; reads only. An empty cell leaves what is known as it is."""
    plan = ProfilePlan()
    rules = season.rules
    sheets = columns_for(rules)
    mentors = {mentor.number: mentor for mentor in season.mentors.select_related("person")}
    secretaries = {
        entry.number: entry
        for entry in season.enrolments.select_related(
            "person", "post__organisation__parent", "season", "mentee_profile"
        )
    }
    for row in taken.get(MENTORS, []):
        if mentor := known(plan, MENTORS, row, mentors):
            planned = planned_row(plan, MENTORS, row, sheets[MENTORS], mentor_cells(mentor))
            if planned.differences:
                plan.mentors.append((mentor, merged_mentor(mentor, row)))
    for row in taken.get(MENTEES, []):
        if entry := known(plan, MENTEES, row, secretaries):
            planned = planned_row(plan, MENTEES, row, sheets[MENTEES], mentee_cells(entry))
            if planned.differences:
                plan.mentees.append((entry, merged_mentee(entry, row)))
    return plan


def known(plan: ProfilePlan, sheet: str, row: Mapping[str, Any], people: Mapping[int, Any]) -> Any:
    """Whom the row is about, if the number and the name are one person's and stand on one row only."""
    found = people.get(row["number"])
    allowed = ""
    if found is None:
        allowed = _("A number of this season, as in the download.")
    elif found.person.name != row["name"]:
        allowed = _("%(name)s, whose number this is.") % {"name": found.person.name}
    elif any(entry.sheet == sheet and entry.label == label_of(row) for entry in plan.rows):
        allowed = _("One row a person.")
    if not allowed:
        return found
    heading, value = ("编号", row["number"]) if found is None else ("姓名", row["name"])
    plan.refusals.append(Refusal(sheet, row["row"], heading, shortened(value), allowed))
    return None


def label_of(row: Mapping[str, Any]) -> str:
    return f"{row['number']} {row['name']}"


def planned_row(
    plan: ProfilePlan,
    sheet: str,
    row: Mapping[str, Any],
    columns: tuple[RosterColumn, ...],
    before: Mapping[str, Any],
) -> PlannedRow:
    planned = PlannedRow(sheet, row["row"], label_of(row))
    for column in columns:
        if column.key in ("number", "name") or row.get(column.key) is None:
            continue
        after = word_of(column, row[column.key])
        was = before.get(column.key)
        if str(after) != ("" if was is None else str(was)) and not (
            was is None and is_nothing(sheet, column, after)
        ):
            planned.differ(column.heading, "" if was is None else str(was), str(after))
    plan.rows.append(planned)
    return planned


def is_nothing(sheet: str, column: RosterColumn, after: Any) -> bool:
    """Whether a cell says no more than an empty record does: no strength is the same as none written."""
    return (sheet == MENTORS and after == "一般") or (column.key == "wants_mentor" and after == "否")


def word_of(column: RosterColumn, value: Any) -> Any:
    named: dict[str, Mapping[str, Any]] = {"tier": TIERS, "wants_mentor": YES_OR_NO}
    choices = named.get(column.key)
    if choices is None and column.choices:
        choices = STRENGTHS if column.choices == tuple(STRENGTHS) else NEEDS
    return word_for(choices, value) if choices else value


def levels_in(row: Mapping[str, Any]) -> dict[str, int]:
    return {key: value for key, value in row.items() if "." in key and value is not None}


def merged_mentor(mentor: Mentor, row: Mapping[str, Any]) -> dict[str, Any]:
    """All that is kept of a mentor after the row."""
    kept = {"capacity": mentor.capacity, "years": mentor.years, "tier": mentor.tier, "words": mentor.words}
    said = {key: row[key] for key in kept if row.get(key) is not None}
    return kept | said | {"strengths": mentor.strengths | levels_in(row)}


def merged_mentee(enrolment: Enrolment, row: Mapping[str, Any]) -> dict[str, Any]:
    profile = profile_of(enrolment)
    kept = {
        "wants_mentor": profile.wants_mentor if profile else False,
        "words": profile.words if profile else "",
    }
    said = {key: row[key] for key in kept if row.get(key) is not None}
    return kept | said | {"needs": (profile.needs if profile else {}) | levels_in(row)}


def profiles_of(season: Season) -> bytes:
    """The season's profiles as they are."""
    return profiles_workbook(
        season.rules,
        season.mentors.select_related("person"),
        mentees(season).select_related("mentee_profile"),
    )
