"""Pairs are worked out, locked, swapped and confirmed: all at once, or not at all."""

from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import localdate, now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions import pair_mentee
from dongliang.mentoring.calculation import Matching, MenteeProfile, MentorProfile, Unmet, match
from dongliang.mentoring.models import Mentor, Pair, Proposal, ProposedPair, Tier
from dongliang.mentoring.queries.profiles import last_review, mentees, needs_of, places_of
from dongliang.mentoring.queries.proposals import (
    Barred,
    barred_pairs,
    confirm_blockers,
    draft_blockers,
    loads_beside,
    making_blockers,
    swap_blockers,
    unmet_blocker,
)
from dongliang.mentoring.vocabulary import problem_key
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Demand:
    """Who is to be paired, with whom they may be, and what is known of both."""

    mentees: list[Enrolment]
    mentors: list[Mentor]
    barred: Barred
    # The mentor of now, by the mentee's key.
    before: dict[int, Mentor]


@transaction.atomic
def propose_pairs(
    season: Season,
    *,
    tiered: bool = False,
    everybody: bool = False,
    everyone: bool = True,
    by: Account | None,
) -> Proposal:
    """Work out pairs for those without a mentor; with ``everybody`` for those who have one too.

    ``tiered``: new secretaries are coached by the studio of their own subdistrict where there is one, and mentors of
    studios who are secretaries themselves by mentors of the district. With ``everyone`` False some may go without.
    Raises Refused, naming the smallest set of demands that cannot be met together.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := making_blockers(season):
        raise Refused(blockers)
    demand = demand_of(season, tiered=tiered, everybody=everybody)
    matching = solve(season, demand, {}, tiered=tiered, everyone=everyone)
    last = season.proposals.values_list("number", flat=True).first() or 0
    proposal = season.proposals.create(
        number=last + 1, tiered=tiered, everybody=everybody, total=matching.total, made_by=by
    )
    ProposedPair.objects.bulk_create(lines_from(proposal, demand, matching, {}), ROWS_AT_ONCE)
    log_action("mentoring.proposal.made", proposal, by=by, lines=len(matching.lines), total=matching.total)
    return proposal


@transaction.atomic
def solve_again(proposal: Proposal, *, everyone: bool = True, by: Account | None) -> Proposal:
    """Work the proposal out again around its locked lines. Raises Refused."""
    proposal = locked(proposal)
    if blockers := draft_blockers(proposal):
        raise Refused(blockers)
    kept = {line.mentee_id: line for line in proposal.lines.filter(locked=True, mentor__isnull=False)}
    season = proposal.season
    demand = demand_of(season, tiered=proposal.tiered, everybody=proposal.everybody)
    matching = solve(season, demand, kept, tiered=proposal.tiered, everyone=everyone)
    proposal.lines.all().delete()
    ProposedPair.objects.bulk_create(lines_from(proposal, demand, matching, kept), ROWS_AT_ONCE)
    proposal.total = matching.total
    proposal.save(update_fields=["total"])
    log_action("mentoring.proposal.solved_again", proposal, by=by, locked=len(kept), total=matching.total)
    return proposal


def demand_of(season: Season, *, tiered: bool, everybody: bool) -> Demand:
    mentors = list(season.mentors.select_related("person", "home"))
    current = {
        pair.mentee_id: pair.mentor
        for pair in Pair.objects.filter(mentee__season=season, ends_on=None).select_related("mentor__person")
    }
    wanting = {entry.pk: entry for entry in mentees(season).select_related("mentee_profile", "first_thing")}
    if tiered:
        coaches = {mentor.person_id for mentor in mentors if mentor.tier == Tier.STUDIO}
        studio = season.enrolments.filter(person__in=coaches).select_related(
            "person", "post__organisation__parent", "season", "mentee_profile", "first_thing"
        )
        wanting |= {entry.pk: entry for entry in studio}
    chosen = [entry for pk, entry in wanting.items() if everybody or pk not in current]
    chosen.sort(key=lambda entry: entry.number)
    return Demand(chosen, mentors, barred_pairs(season, chosen, mentors), current)


def solve(
    season: Season,
    demand: Demand,
    kept: dict[int, ProposedPair],
    *,
    tiered: bool,
    everyone: bool,
) -> Matching:
    """The best pairing of the demand around the lines kept. Raises Refused where it cannot be met."""
    numbers = {mentor.pk: mentor.number for mentor in demand.mentors}
    beside = loads_beside(season, [entry.pk for entry in demand.mentees])
    earlier = earlier_mentors(season, demand)
    review, rules = last_review(season), season.rules
    studios = {mentor.home_id for mentor in demand.mentors if mentor.tier == Tier.STUDIO and mentor.home_id}
    coaches = {mentor.person_id for mentor in demand.mentors if mentor.tier == Tier.STUDIO}

    apart: dict[int, set[int]] = {}
    for mentee, mentor in demand.barred.reasons:
        if mentor in numbers:
            apart.setdefault(mentee, set()).add(numbers[mentor])

    def avoided(entry: Enrolment) -> frozenset[int]:
        found = set(apart.get(entry.pk, ()))
        if tiered:
            street = entry.subdistrict.pk
            by_district = entry.person_id in coaches or street not in studios
            found |= {
                mentor.number
                for mentor in demand.mentors
                if (mentor.tier == Tier.STUDIO) == by_district
                or (mentor.tier == Tier.STUDIO and mentor.home_id != street)
            }
        return frozenset(found)

    profiles = []
    for entry in demand.mentees:
        needs = needs_of(entry, rules, review.get(entry.person_id))
        line = kept.get(entry.pk)
        fixed = numbers[line.mentor_id] if line and line.mentor_id else None
        profiles.append(
            MenteeProfile(
                number=entry.number,
                area=str(entry.subdistrict.pk),
                category=problem_key(needs.category) if needs.category else "",
                needs=needs.levels,
                earlier=earlier.get(entry.person_id),
                locked=fixed,
                # What was locked by hand was checked then; tiers do not bind it.
                avoid=avoided(entry) - {fixed or 0},
            )
        )
    try:
        return match(
            profiles,
            [
                MentorProfile(
                    number=mentor.number,
                    places=max(places_of(mentor, rules) - beside[mentor.pk], 0),
                    area=str(mentor.home_id or ""),
                    strengths=mentor.strengths,
                )
                for mentor in demand.mentors
            ],
            weights=rules.mentoring.weights.model_dump(),
            balance=rules.mentoring.balance,
            everyone=everyone,
        )
    except Unmet as unmet:
        raise Refused(unmet_blocker(season, unmet.mentees, unmet.mentors, unmet.locked)) from unmet


def earlier_mentors(season: Season, demand: Demand) -> dict[int, int]:
    """The number of the mentor whom each person has now, or had last in an earlier season; by the mentee's person."""
    by_person = {mentor.person_id: mentor.number for mentor in demand.mentors}
    found: dict[int, int] = {}
    pairs = Pair.objects.filter(
        mentee__season__district=season.district_id,
        mentee__person__in=[entry.person_id for entry in demand.mentees],
    ).order_by("starts_on", "pk")
    for mentee, mentor in pairs.values_list("mentee__person", "mentor__person"):
        if mentor in by_person:
            found[mentee] = by_person[mentor]
    return found


def lines_from(
    proposal: Proposal, demand: Demand, matching: Matching, kept: dict[int, ProposedPair]
) -> list[ProposedPair]:
    mentors = {mentor.number: mentor for mentor in demand.mentors}
    return [
        ProposedPair(
            proposal=proposal,
            mentee=entry,
            mentor=mentors[line.mentor] if line.mentor is not None else None,
            before=demand.before.get(entry.pk),
            second=mentors[line.second] if line.second is not None else None,
            fit=line.fit,
            second_fit=line.second_fit,
            parts=dict(line.parts),
            locked=entry.pk in kept,
            by_hand=entry.pk in kept and kept[entry.pk].by_hand,
        )
        for entry, line in zip(demand.mentees, matching.lines, strict=True)
    ]


def locked(proposal: Proposal) -> Proposal:
    """The proposal as it is now, with its season's row held: two officers come one after the other."""
    Season.objects.select_for_update().get(pk=proposal.season_id)
    return Proposal.objects.select_for_update().select_related("season").get(pk=proposal.pk)


@transaction.atomic
def lock_line(line: ProposedPair, *, lock: bool, by: Account | None) -> ProposedPair:
    """Keep the line when the proposal is worked out again, or let it go. Raises Refused."""
    proposal = locked(line.proposal)
    if blockers := draft_blockers(proposal):
        raise Refused(blockers)
    line.locked = lock
    line.save(update_fields=["locked"])
    log_action("mentoring.proposal.line_locked" if lock else "mentoring.proposal.line_freed", line, by=by)
    return line


@transaction.atomic
def swap_mentor(line: ProposedPair, mentor: Mentor, *, by: Account | None) -> ProposedPair:
    """Give the line another mentor by hand, checked anew, and lock it. Raises Refused."""
    line.proposal = locked(line.proposal)
    mentor = Mentor.objects.select_related("person", "home").get(pk=mentor.pk)
    if blockers := swap_blockers(line, mentor):
        raise Refused(blockers)
    before, before_fit = line.mentor, line.fit
    fit = fit_of(line, mentor)
    line.parts, line.fit = dict(fit.lines[0].parts), fit.lines[0].fit
    line.mentor, line.locked, line.by_hand = mentor, True, True
    if line.second_id == mentor.pk:
        line.second, line.second_fit = before, before_fit if before else 0.0
    line.save()
    log_action(
        "mentoring.proposal.mentor_swapped",
        line,
        by=by,
        before=str(before) if before else None,
        after=str(mentor),
    )
    return line


def fit_of(line: ProposedPair, mentor: Mentor) -> Matching:
    """How well one mentee and one mentor fit, whoever else there is."""
    season = line.proposal.season
    demand = Demand([line.mentee], [mentor], Barred({}), {})
    needs = needs_of(line.mentee, season.rules, last_review(season).get(line.mentee.person_id))
    return match(
        [
            MenteeProfile(
                number=line.mentee.number,
                area=str(line.mentee.subdistrict.pk),
                category=problem_key(needs.category) if needs.category else "",
                needs=needs.levels,
                earlier=earlier_mentors(season, demand).get(line.mentee.person_id),
            )
        ],
        [
            MentorProfile(
                number=mentor.number, places=1, area=str(mentor.home_id or ""), strengths=mentor.strengths
            )
        ],
        weights=season.rules.mentoring.weights.model_dump(),
    )


@transaction.atomic
def confirm_proposal(proposal: Proposal, *, shown: str | None = None, by: Account | None) -> Counter[str]:
    """Make every pair of the proposal, or none; ``shown`` is the fingerprint of what the officer saw. Raises Refused."""
    proposal = locked(proposal)
    if blockers := confirm_blockers(proposal, shown):
        raise Refused(blockers)
    counts: Counter[str] = Counter()
    for line in proposal.lines.select_related("mentor", "mentee"):
        if line.mentor is None:
            counts["without"] += 1
        else:
            pair_mentee(line.mentor, line.mentee, by=by, starts_on=localdate())
            counts["kept" if line.before_id == line.mentor_id else "made"] += 1
    decide(proposal, Proposal.State.CONFIRMED, by=by, counts=dict(counts))
    return counts


@transaction.atomic
def discard_proposal(proposal: Proposal, *, by: Account | None) -> Proposal:
    """Put the proposal aside; nothing of it holds."""
    proposal = locked(proposal)
    if blockers := draft_blockers(proposal):
        raise Refused(blockers)
    return decide(proposal, Proposal.State.DISCARDED, by=by, counts={})


def decide(
    proposal: Proposal, state: Proposal.State, *, by: Account | None, counts: dict[str, int]
) -> Proposal:
    proposal.state, proposal.decided_by, proposal.decided_at = state, by, now()
    proposal.save(update_fields=["state", "decided_by", "decided_at"])
    log_action(f"mentoring.proposal.{state}", proposal, by=by, counts=counts)
    return proposal
