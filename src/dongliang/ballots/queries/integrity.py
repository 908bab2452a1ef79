"""What the search for stuffed ballots found, why something about it cannot happen now, and what it took out."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from dongliang.ballots.models import Ballot, Flag, Round, Verdict
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Season

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


def panel_exclusions(round: Round) -> QuerySet[Ballot]:
    """The ballots that the panel excluded; not those of cards declared lost."""
    return Ballot.objects.filter(round=round, status=Ballot.Status.EXCLUDED).exclude(
        exclusion=Ballot.Exclusion.REVOKED
    )


def exclusions(round: Round) -> list[tuple[bytes, str]]:
    """Every excluded ballot of the round, for whatever reason: digest of its receipt, and reason; in that order.

    For statements that a holder of a receipt can check. Nothing here says what a ballot was, or where it came from.
    """
    rows = Ballot.objects.filter(round=round, status=Ballot.Status.EXCLUDED).values_list(
        "receipt", "exclusion"
    )
    return sorted((bytes(receipt), reason) for receipt, reason in rows)


def excluded_tally(round: Round) -> list[tuple[int, str, int]]:
    """What the panel excluded, as ``coverage.tally`` counts what it did not: (number, marks, count)."""
    groups = (
        panel_exclusions(round)
        .order_by()
        .values_list("enrolment__number", "marks")
        .annotate(count=Count("pk"))
    )
    return sorted(groups)


def exclusions_since(season: Season, moment: datetime.datetime) -> int:
    """How many ballots the panel has excluded after ``moment``."""
    found = Flag.objects.filter(
        round__season=season, state=Flag.State.EXCLUDED, decided_at__gt=moment
    ).aggregate(ballots=Sum("excluded"))
    return found["ballots"] or 0


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
    revoked: int
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
    return RoundLedger(
        round=round,
        stored=sum(by_status.values()),
        counted=by_status.get((Ballot.Status.COUNTED, ""), 0),
        superseded=by_status.get((Ballot.Status.SUPERSEDED, ""), 0),
        revoked=by_status.get((Ballot.Status.EXCLUDED, Ballot.Exclusion.REVOKED), 0),
        rows=ledger_rows(round) if over else [],
        subdistricts=excluded_by_subdistrict(round) if over else [],
    )


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
    name = "enrolment__post__organisation__parent__name"
    order = "enrolment__post__organisation__parent__code"
    counts = dict(
        panel_exclusions(round)
        .order_by()
        .values_list(order)
        .annotate(count=Count("pk"))
        .values_list(order, "count")
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
    """A flag's numbers, read back."""

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
        for number in flag.evidence["pattern"].split(",")
        if number
    }
