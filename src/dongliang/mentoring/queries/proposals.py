"""Proposed pairs: their lines, why each, and what stands against locking, swapping and confirming them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dongliang.common.canonical import fingerprint
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Level, MenteeProfile, Mentor, Pair, Proposal, ProposedPair, Tier
from dongliang.mentoring.queries.profiles import category_of, places_of
from dongliang.mentoring.vocabulary import problem_key, things
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import found_by_name, organisations_reached
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.rulebook import RuleBookContent

NAMES_SHOWN = 6


def proposals_visible_to(account: Account, season: Season) -> QuerySet[Proposal]:
    """The proposals of the seasons whose programme office the account belongs to."""
    offices = organisations_reached(account, Role.OFFICE)
    return season.proposals.filter(season__district__in=offices.values("pk")).select_related("season")


def lines_of(proposal: Proposal) -> QuerySet[ProposedPair]:
    """The lines with all that a row tells of them."""
    return proposal.lines.select_related(
        "mentor__person",
        "mentor__home",
        "second__person",
        "before__person",
        "mentee__person",
        "mentee__first_thing",
        "mentee__mentee_profile",
        "mentee__post__organisation__parent",
    )


def matching_lines(
    lines: QuerySet[ProposedPair],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    state: str = "",
) -> QuerySet[ProposedPair]:
    """The rows that a filter bar asks for; ``state`` is ``none``, ``locked`` or ``second``, for whom another would fit better."""
    lines = found_by_name(
        lines,
        search,
        "mentee__person__name",
        "mentor__person__name",
        also=("mentee__post__organisation__name",),
    )
    if subdistrict:
        lines = lines.filter(mentee__post__organisation__parent=subdistrict)
    if state == "none":
        lines = lines.filter(mentor=None)
    elif state == "locked":
        lines = lines.filter(locked=True)
    elif state == "second":
        lines = lines.filter(second__isnull=False, mentor__isnull=False, second_fit__gt=F("fit"))
    return lines


def shown_sha256(proposal: Proposal) -> str:
    """The fingerprint of what a page shows of a proposal: only what was shown is confirmed."""
    lines = proposal.lines.order_by("mentee").values_list("mentee", "mentor")
    return fingerprint([list(line) for line in lines])


# Avoidance and capacity


@dataclass(frozen=True)
class Barred:
    """Who must not be paired with whom, by keys of mentee and mentor, each with the code of its reason."""

    reasons: dict[tuple[int, int], str]

    def __contains__(self, pair: tuple[int, int]) -> bool:
        return pair in self.reasons


def barred_pairs(season: Season, mentees: Iterable[Enrolment], mentors: Iterable[Mentor]) -> Barred:
    """Every pair that must not be made: oneself, what an office put down, and two who did not suit each other."""
    mentees, mentors = list(mentees), list(mentors)
    by_person = {mentor.person_id: mentor.pk for mentor in mentors}
    found: dict[tuple[int, int], str] = {}
    for profile, mentor in MenteeProfile.avoid.through.objects.filter(
        menteeprofile__enrolment__season=season
    ).values_list("menteeprofile__enrolment", "mentor"):
        found[profile, mentor] = "declared"
    people = {mentee.person_id: mentee.pk for mentee in mentees}
    parted = Pair.objects.filter(
        end_reason=Pair.EndReason.UNSUITED, mentee__season__district=season.district_id
    ).values_list("mentee__person", "mentor__person")
    for mentee_person, mentor_person in parted:
        if mentee_person in people and mentor_person in by_person:
            found[people[mentee_person], by_person[mentor_person]] = "unsuited"
    for mentee in mentees:
        if mentee.person_id in by_person:
            found[mentee.pk, by_person[mentee.person_id]] = "self"
    return Barred(found)


def barred_blocker(code: str, mentee: Enrolment, mentor: Mentor) -> Blocker:
    sentence = {
        "self": _("%(mentor)s cannot coach herself or himself."),
        "declared": _("%(mentor)s and %(mentee)s are not to be paired: an office has put that down."),
        "unsuited": _(
            "%(mentor)s and %(mentee)s were paired before, and it ended because the two did not suit each other."
        ),
    }[code]
    return Blocker(
        f"pairing.{code}",
        sentence % {"mentor": mentor, "mentee": mentee.person},
        _("Choose another mentor."),
    )


def loads_beside(season: Season, mentees: Iterable[int]) -> Counter[int]:
    """How many mentees each mentor has now who are none of ``mentees``, by key."""
    current = Pair.objects.filter(mentor__season=season, ends_on=None).exclude(mentee__in=list(mentees))
    return Counter(current.values_list("mentor", flat=True))


def capacity_blocker(mentor: Mentor, load: int, places: int) -> Blocker:
    return Blocker(
        "pairing.capacity",
        ngettext(
            "%(mentor)s would have %(load)d mentee, and there are %(places)d places.",
            "%(mentor)s would have %(load)d mentees, and there are %(places)d places.",
            load,
        )
        % {"mentor": mentor, "load": load, "places": places},
        _("Give one of them to another mentor, or raise the mentor's places within the rule book's most."),
    )


# Blockers


def draft_blockers(proposal: Proposal) -> list[Blocker]:
    found = []
    if proposal.state != Proposal.State.DRAFT:
        found.append(
            Blocker(
                "proposal.decided",
                _("This proposal is %(state)s.") % {"state": proposal.get_state_display()},
                _("Make a new one."),
            )
        )
    return found


def closed_blockers(season: Season) -> list[Blocker]:
    if season.phase != Phase.CLOSED:
        return []
    return [Blocker("season.closed", _("The season is closed."), _("Pairs are made in the next one."))]


def making_blockers(season: Season) -> list[Blocker]:
    """Every reason why no proposal can be made now."""
    found = closed_blockers(season)
    if not season.mentors.exists():
        found.append(
            Blocker(
                "pairing.no_mentors",
                _("The season has no mentors."),
                _("Import them with the roster, on the sheet 大梁."),
            )
        )
    return found


def swap_blockers(line: ProposedPair, mentor: Mentor) -> list[Blocker]:
    """Every reason why this line cannot have that mentor."""
    proposal = line.proposal
    found = draft_blockers(proposal)
    barred = barred_pairs(proposal.season, [line.mentee], [mentor])
    if code := barred.reasons.get((line.mentee_id, mentor.pk)):
        found.append(barred_blocker(code, line.mentee, mentor))
    lines = list(proposal.lines.values_list("mentee", "mentor"))
    beside = loads_beside(proposal.season, [mentee for mentee, _mentor in lines])
    load = beside[mentor.pk] + sum(taken == mentor.pk for mentee, taken in lines if mentee != line.mentee_id)
    places = places_of(mentor, proposal.season.rules)
    if load + 1 > places:
        found.append(capacity_blocker(mentor, load + 1, places))
    return found


def confirm_blockers(proposal: Proposal, shown: str | None) -> list[Blocker]:
    """Every reason why the proposal cannot be confirmed as it was shown."""
    found = draft_blockers(proposal)
    if found:
        return found
    season, rules = proposal.season, proposal.season.rules
    if shown is not None and shown != shown_sha256(proposal):
        found.append(
            Blocker(
                "proposal.moved_on",
                _("Somebody has changed the proposal since this page was shown."),
                _("Look at it again, then confirm."),
            )
        )
    lines = list(lines_of(proposal))
    paired = [line for line in lines if line.mentor]
    if not paired:
        found.append(
            Blocker(
                "proposal.empty",
                _("The proposal pairs nobody."),
                _("Discard it, and make a new one once there are mentees and mentors."),
            )
        )
    mentors = {line.mentor.pk: line.mentor for line in paired if line.mentor}
    barred = barred_pairs(season, [line.mentee for line in paired], mentors.values())
    found += [
        barred_blocker(barred.reasons[line.mentee_id, line.mentor.pk], line.mentee, line.mentor)
        for line in paired
        if line.mentor and (line.mentee_id, line.mentor.pk) in barred
    ]
    loads = loads_beside(season, [line.mentee_id for line in paired])
    loads.update(line.mentor_id for line in paired if line.mentor_id)
    found += [
        capacity_blocker(mentor, loads[pk], places)
        for pk, mentor in mentors.items()
        if loads[pk] > (places := places_of(mentor, rules))
    ]
    return found + paired_since(paired)


def paired_since(lines: list[ProposedPair]) -> list[Blocker]:
    """Whoever has got another mentor since the proposal was made."""
    current = {
        pair.mentee_id: pair.mentor
        for pair in Pair.objects.filter(
            mentee__in=[line.mentee_id for line in lines], ends_on=None
        ).select_related("mentor__person")
    }
    return [
        Blocker(
            "pairing.since",
            _("%(mentee)s has been paired with %(mentor)s since this proposal was made.")
            % {"mentee": line.mentee.person, "mentor": current[line.mentee_id]},
            _("Make the proposal again."),
        )
        for line in lines
        if line.mentee_id in current and current[line.mentee_id].pk not in (line.before_id, line.mentor_id)
    ]


# Why


def names_listed(names: list[str]) -> str:
    listed = pgettext("between names", ", ").join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return listed + (
        ngettext(" and %(more)d more", " and %(more)d more", more) % {"more": more} if more > 0 else ""
    )


@dataclass(frozen=True)
class Reasons:
    """A line's reasons, in the reader's language."""

    why: str
    second: str


def reasons_for(
    line: ProposedPair, loads: Counter[int], rules: RuleBookContent, names: dict[str, str]
) -> Reasons:
    """Why this mentor: fit, capacity, subdistrict, continuity; and who would have been next."""
    mentor = line.mentor
    if mentor is None:
        return Reasons(_("No mentor allowed has a place left."), second_words(line))
    said = [problem_words(line, mentor, names)]
    weights = rules.mentoring.weights
    if weights.need and line.parts.get("need"):
        said.append(
            _("strengths meet %(share)d %% of the needs")
            % {"share": round(100 * line.parts["need"] / weights.need)}
        )
    said.append(_("same subdistrict") if line.parts.get("nearness") else _("from elsewhere in the district"))
    if line.parts.get("continuity"):
        said.append(_("has been the mentor before"))
    if mentor.years:
        said.append(
            ngettext("%(years)d year in post", "%(years)d years in post", mentor.years)
            % {"years": mentor.years}
        )
    said.append(
        _("%(load)d of %(places)d places taken")
        % {"load": loads[mentor.pk], "places": places_of(mentor, rules)}
    )
    if line.by_hand:
        said.append(_("set by hand"))
    sentence = pgettext("between reasons", ", ").join(filter(None, said))
    return Reasons(
        _("%(mentor)s: %(reasons)s.") % {"mentor": mentor, "reasons": sentence}, second_words(line)
    )


def problem_words(line: ProposedPair, mentor: Mentor, names: dict[str, str]) -> str:
    key = problem_key(category_of(line.mentee))
    if key not in names:
        return ""
    level = mentor.strengths.get(key, Level.NONE)
    return {
        Level.MUCH: _("very good at %(problem)s, which the first thing is about"),
        Level.SOME: _("has done %(problem)s, which the first thing is about"),
    }.get(level, _("has not named %(problem)s, which the first thing is about, as a strength")) % {
        "problem": names[key]
    }


def second_words(line: ProposedPair) -> str:
    if line.second is None:
        return _("Nobody else may be chosen.")
    difference = line.fit - line.second_fit
    words = {"mentor": line.second, "points": f"{abs(difference):.1f}"}
    if line.mentor is None:
        return _("%(mentor)s would fit best.") % words
    if difference >= 0:
        return _("Next best: %(mentor)s, by %(points)s points less.") % words
    return _("%(mentor)s would fit better by %(points)s points, and is needed more elsewhere.") % words


def reasoned(lines: Iterable[ProposedPair], proposal: Proposal) -> list[tuple[ProposedPair, Reasons]]:
    """The lines with their reasons, without a query a line."""
    rules = proposal.season.rules
    everyone = list(proposal.lines.values_list("mentee", "mentor"))
    loads = loads_beside(proposal.season, [mentee for mentee, _mentor in everyone])
    loads.update(mentor for _mentee, mentor in everyone if mentor)
    names = things(rules)
    return [(line, reasons_for(line, loads, rules, names)) for line in lines]


def unmet_blocker(
    season: Season, mentees: Iterable[int], mentors: Iterable[int], locked: Iterable[int]
) -> Blocker:
    """The smallest set of demands that cannot be met together, by name; people by their numbers in the season."""
    held = set(locked)
    wanting = [
        _("%(name)s (locked)") % {"name": entry.person} if entry.number in held else str(entry.person)
        for entry in season.enrolments.filter(number__in=list(mentees)).select_related("person")
    ]
    offering = [
        str(mentor) for mentor in season.mentors.filter(number__in=list(mentors)).select_related("person")
    ]
    if not offering:
        return Blocker(
            "pairing.nobody",
            _("%(mentee)s may have no mentor at all.") % {"mentee": wanting[0]},
            _(
                "Appoint another mentor, take one off the list of those to avoid, or allow people to go without."
            ),
        )
    return Blocker(
        "pairing.unmet",
        ngettext(
            "%(count)d mentee may only have mentors with %(places)d places between them. Mentees: %(mentees)s. Mentors: %(mentors)s.",
            "%(count)d mentees may only have mentors with %(places)d places between them. Mentees: %(mentees)s. Mentors: %(mentors)s.",
            len(wanting),
        )
        % {
            "count": len(wanting),
            "places": len(wanting) - 1,
            "mentees": names_listed(wanting),
            "mentors": names_listed(offering),
        },
        _("Give one of these mentors a place more, allow another mentor, or allow people to go without."),
    )


def mentors_to_choose(proposal: Proposal) -> list[tuple[Mentor, int, int]]:
    """Every mentor with the mentees the proposal would leave them with, and their places."""
    lines = list(proposal.lines.values_list("mentee", "mentor"))
    loads = loads_beside(proposal.season, [mentee for mentee, _mentor in lines])
    loads.update(mentor for _mentee, mentor in lines if mentor)
    rules = proposal.season.rules
    return [
        (mentor, loads[mentor.pk], places_of(mentor, rules))
        for mentor in proposal.season.mentors.select_related("person", "home")
    ]


def tiers_of(season: Season) -> dict[str, int]:
    """How many mentors there are of each tier."""
    found = Counter(season.mentors.values_list("tier", flat=True))
    return {tier.value: found[tier] for tier in Tier}
