"""What the search for stuffed ballots found, why something about it cannot happen now, and what it took out."""

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from dongliang.ballots.models import Ballot, Flag, Round, Verdict
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment, Season

PEOPLE_NEEDED = 2


def flags_visible_to(account: Account) -> QuerySet[Flag]:
    """The flags of the districts whose programme office the account belongs to."""
    districts = organisations_reached(account, Role.OFFICE).values("pk")
    return Flag.objects.filter(round__season__district__in=districts).select_related(
        "round__season", "enrolment__person", "enrolment__post__organisation__parent"
    )


def panel_members(season: Season) -> QuerySet[Account]:
    """Who can sit on the panel: the people of the season's programme office. The operator, who keeps the key, cannot."""
    return Account.objects.filter(
        is_active=True,
        is_superuser=False,
        grants__role=Role.OFFICE,
        grants__organisation=season.district_id,
    ).distinct()


def undecided(season: Season) -> QuerySet[Flag]:
    return Flag.objects.filter(round__season=season, state=Flag.State.RAISED)


def not_closed(round: Round) -> Blocker:
    return Blocker(
        "ballots.not_closed",
        _("%(round)s is %(state)s.") % {"round": round, "state": round.get_state_display()},
        _("Close it first: only then are its ballots final."),
    )


def search_over(round: Round) -> Blocker:
    return Blocker(
        "ballots.search_over",
        _("The search for stuffed ballots in %(round)s is over.") % {"round": round},
        _("Its lists are public or about to be: no ballot is excluded any more."),
    )


def examining_blockers(round: Round) -> list[Blocker]:
    """Every reason why the round's ballots cannot be examined."""
    found = []
    if round.state != Round.State.CLOSED:
        found.append(not_closed(round))
    if round.search_ended_at:
        found.append(search_over(round))
    return found


def previewing_blockers(round: Round) -> list[Blocker]:
    """Every reason why there is no preview of the flags."""
    if round.state in (Round.State.OPEN, Round.State.PAUSED):
        return []
    return [
        Blocker(
            "ballots.not_open",
            _("%(round)s is %(state)s.") % {"round": round, "state": round.get_state_display()},
            _("A preview is for a round that is under way; examine a closed one."),
        )
    ]


def verdict_blockers(
    flag: Flag | None, by: Account, *, decision: str | None = None, reason: str | None = None
) -> list[Blocker]:
    """Every reason why ``by`` cannot give this verdict, or any, on the flag; None is one that is gone."""
    if flag is None:
        return [
            Blocker(
                "ballots.flag_replaced",
                _("The ballots were examined again meanwhile, and this flag is gone."),
                _("Look at the flags as they are now."),
            )
        ]
    found = []
    if flag.round.search_ended_at:
        found.append(search_over(flag.round))
    if flag.state != Flag.State.RAISED:
        found.append(
            Blocker(
                "ballots.flag_decided",
                _("Two people have judged this flag already."),
                _("A decision of the panel stands."),
            )
        )
    elif flag.verdicts.filter(by=by).exists():
        found.append(
            Blocker(
                "ballots.judged_already",
                _("You have given your verdict."),
                _("Another member of the programme office has to give the second one."),
            )
        )
    if by.is_superuser:
        found.append(
            Blocker(
                "ballots.judged_by_operator",
                _("The operator keeps the machine and the key, and does not judge."),
                _("Sign in as a member of the programme office."),
            )
        )
    if by.person_id and by.person_id == flag.enrolment.person_id:
        found.append(
            Blocker(
                "ballots.judged_in_own_cause",
                _("These ballots are about yourself."),
                _("Leave them to two other members of the programme office."),
            )
        )
    if decision is not None and decision not in Verdict.Decision.values:
        found.append(
            Blocker(
                "ballots.no_verdict",
                _("There is no such verdict."),
                _("Exclude the ballots, or let them count."),
            )
        )
    if reason is not None and not reason.strip():
        found.append(
            Blocker(
                "ballots.no_reason",
                _("The verdict has no reason."),
                _("Write in a sentence what decided you."),
            )
        )
    return found


def ending_blockers(season: Season) -> list[Blocker]:
    """Every reason why the search cannot end. A search that is over can be ended again, without effect."""
    found = [
        not_closed(round) for round in season.rounds.filter(state__in=[Round.State.OPEN, Round.State.PAUSED])
    ]
    if waiting := undecided(season).count():
        found.append(
            Blocker(
                "ballots.flags_undecided",
                _("%(count)d flags on ballots are still to be judged.") % {"count": waiting},
                _("Two members of the programme office judge each of them first."),
            )
        )
    return found


# What the panel took out of the count.


def is_by_panel(round: Round, enrolment: Enrolment, exclusion: str) -> bool:
    """Whether two people took the neighbourhood's ballots of this class out of the count, and nobody else any of them.

    Ballots of revoked cards were once taken out by the revoking itself.
    """
    if exclusion == Ballot.Exclusion.UNPROVEN:
        return False
    if exclusion != Ballot.Exclusion.REVOKED:
        return True
    there = Ballot.objects.filter(round=round, enrolment=enrolment, exclusion=exclusion).count()
    return there == taken_by_flags(round.flags.filter(enrolment=enrolment, kind=exclusion))


def exclusions(round: Round) -> list[tuple[bytes, str]]:
    """Every excluded ballot of the round, for whatever reason: digest of its receipt, and reason; in that order.

    For statements that a holder of a receipt can check. Nothing here says what a ballot was, or where it came from.
    """
    rows = Ballot.objects.filter(round=round, status=Ballot.Status.EXCLUDED).values_list(
        "receipt", "exclusion"
    )
    return sorted((bytes(receipt), reason) for receipt, reason in rows)


def excluded_tally(round: Round) -> list[tuple[int, str, int]]:
    """What is out of the count, as ``coverage.tally`` counts what is in it: (number, marks, count).

    For the result with these ballots. Those of revoked cards are few in most neighbourhoods, and whose card it was is
    known there: they are in only from ``smallest_published`` on.
    """
    groups = sorted(
        Ballot.objects.filter(round=round, status=Ballot.Status.EXCLUDED)
        .order_by()
        .values_list("enrolment__number", "marks", "exclusion")
        .annotate(count=Count("pk"))
    )
    revoked: Counter[int] = Counter()
    for number, _marks, exclusion, count in groups:
        if exclusion == Ballot.Exclusion.REVOKED:
            revoked[number] += count
    smallest = round.season.rules.residents.smallest_published
    found: Counter[tuple[int, str]] = Counter()
    for number, marks, exclusion, count in groups:
        if exclusion != Ballot.Exclusion.REVOKED or revoked[number] >= smallest:
            found[number, marks] += count
    return [(number, marks, count) for (number, marks), count in sorted(found.items())]


def exclusions_since(season: Season, moment: datetime.datetime) -> int:
    """How many ballots the panel has excluded after ``moment``."""
    return taken_by_flags(
        Flag.objects.filter(round__season=season, state=Flag.State.EXCLUDED, decided_at__gt=moment)
    )


# The public ledger.


@dataclass(frozen=True)
class LedgerRow:
    """One class of reason: how many flags were raised, and what became of them; how many ballots it took out."""

    reason: str
    label: str
    raised: int
    kept: int
    excluded: int
    ballots: int


@dataclass(frozen=True)
class RoundLedger:
    """What came in, and what does not count and why, of one round."""

    round: Round
    stored: int
    counted: int
    superseded: int
    # Taken out by the revoking of their card itself, as was once done; never by the panel.
    revoked: int
    # Written into the database past the product, and found by the close.
    unproven: int
    rows: list[LedgerRow]
    # Ballots excluded by subdistrict; None is a number too small to be given.
    subdistricts: list[tuple[str, int | None]]

    @property
    def excluded(self) -> int:
        return sum(row.ballots for row in self.rows)


def round_ledger(round: Round) -> RoundLedger:
    """The public ledger of a closed round. While the panel is at work, what it has decided so far is not in it."""
    by_status = {
        (status, reason): count
        for status, reason, count in Ballot.objects.filter(round=round)
        .order_by()
        .values_list("status", "exclusion")
        .annotate(count=Count("pk"))
    }
    over = round.search_ended_at is not None
    of_revoked = taken_by_flags(round.flags.filter(kind=Ballot.Exclusion.REVOKED))
    return RoundLedger(
        round=round,
        stored=sum(by_status.values()),
        counted=by_status.get((Ballot.Status.COUNTED, ""), 0),
        superseded=by_status.get((Ballot.Status.SUPERSEDED, ""), 0),
        revoked=by_status.get((Ballot.Status.EXCLUDED, Ballot.Exclusion.REVOKED), 0) - of_revoked,
        unproven=by_status.get((Ballot.Status.EXCLUDED, Ballot.Exclusion.UNPROVEN), 0),
        rows=ledger_rows(round) if over else [],
        subdistricts=excluded_by_subdistrict(round) if over else [],
    )


def taken_by_flags(flags: QuerySet[Flag]) -> int:
    return flags.aggregate(taken=Sum("excluded"))["taken"] or 0


def ledger_rows(round: Round) -> list[LedgerRow]:
    states = Flag.State
    found = {
        row["kind"]: row
        for row in round.flags.order_by()
        .values("kind")
        .annotate(
            raised=Count("pk"),
            kept=Count("pk", filter=Q(state=states.KEPT)),
            out=Count("pk", filter=Q(state=states.EXCLUDED)),
            taken=Sum("excluded"),
        )
    }
    return [
        LedgerRow(
            reason=reason.value,
            label=str(reason.label),
            raised=found[reason]["raised"],
            kept=found[reason]["kept"],
            excluded=found[reason]["out"],
            ballots=found[reason]["taken"],
        )
        for reason in Ballot.Exclusion
        if reason in found
    ]


def excluded_by_subdistrict(round: Round) -> list[tuple[str, int | None]]:
    """How many ballots the panel took out, by subdistrict."""
    name = "enrolment__post__organisation__parent__name"
    order = "enrolment__post__organisation__parent__code"
    counts = dict(
        round.flags.order_by().values_list(order).annotate(taken=Sum("excluded")).values_list(order, "taken")
    )
    subdistricts = dict(
        round.season.enrolments.order_by().values_list(
            order.removeprefix("enrolment__"), name.removeprefix("enrolment__")
        )
    )
    numbers = withheld(
        [counts.get(code, 0) for code in sorted(subdistricts)],
        round.season.rules.residents.smallest_published,
    )
    return [(subdistricts[code], number) for code, number in zip(sorted(subdistricts), numbers, strict=True)]


def withheld(counts: list[int], smallest: int) -> list[int | None]:
    """The counts without those below ``smallest``, but for 0; one more is left out where one alone could be worked out."""
    out = {place for place, count in enumerate(counts) if 0 < count < smallest}
    if len(out) == 1:
        others = [place for place in range(len(counts)) if place not in out]
        # The next smallest one that says anything; else one that says there is none.
        out.update(sorted(others, key=lambda place: (counts[place] == 0, counts[place], place))[:1])
    return [None if place in out else count for place, count in enumerate(counts)]


# A flag in plain words.


@dataclass(frozen=True)
class Evidence:
    """The numbers of a flag that a count raised, read back. Of ballots of revoked cards there is nothing but how many."""

    pattern: str
    nearly: bool
    observed: int
    expected: float
    among: int
    first: datetime.datetime
    last: datetime.datetime
    false_alarms: float
    times: dict[str, Any]
    shares: list[tuple[str, float, float]]

    @classmethod
    def of(cls, flag: Flag) -> "Evidence":
        stored = dict(flag.evidence)
        for name in ("first", "last"):
            stored[name] = datetime.datetime.fromisoformat(stored[name])
        return cls(**stored)


def pick_numbers(flags: Iterable[Flag]) -> set[int]:
    """The numbers of all projects that the flags are about."""
    return {
        int(number)
        for flag in flags
        if flag.round.kind == Round.Kind.PROJECTS
        for number in flag.evidence.get("pattern", "").split(",")
        if number
    }
