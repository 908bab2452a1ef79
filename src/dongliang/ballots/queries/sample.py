"""The random sample: which cards are of it, how many have voted, and the open vote beside it."""

import math
from collections import Counter
from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext as _

from dongliang.ballots import codes, draws
from dongliang.ballots.models import Ballot, Round, Sample
from dongliang.ballots.queries.coverage import enrolments_of_offices
from dongliang.ballots.queries.rounds import proven_key, rounds_of
from dongliang.common.canonical import fingerprint
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season

# Half the width of a 90 % interval, in standard errors.
HALF_WIDTH = 1.645
# A fifth of a mark, which of five residents one gives: below it a difference is real at most, and changes no mind.
WORTH_A_THOUGHT = 0.2


def samples_of(season: Season) -> dict[int, Sample]:
    """The season's samples by secretary's number; empty before they are drawn, or where the rules ask for none."""
    rows = Sample.objects.filter(enrolment__season=season).select_related(
        "enrolment__person", "enrolment__post__organisation__parent"
    )
    return {sample.enrolment.number: sample for sample in rows}


def sampled_serials(season: Season, key: bytes | None = None) -> dict[int, frozenset[int]]:
    """The serials of the sample's cards by secretary's number. Raises Refused where the key is lost."""
    samples = samples_of(season)
    if not samples:
        return {}
    key = key or proven_key(season)
    return {number: serials_of(season, sample, key) for number, sample in samples.items()}


def sampled_serials_of(enrolment: Enrolment, key: bytes) -> frozenset[int]:
    """The serials of the sample's cards of one neighbourhood."""
    sample = Sample.objects.filter(enrolment=enrolment).select_related("enrolment").first()
    return serials_of(enrolment.season, sample, key) if sample else frozenset()


def serials_of(season: Season, sample: Sample, key: bytes) -> frozenset[int]:
    seed = draws.seed_of(key, season.rules.sha256, sample.enrolment.number)
    # Among as many cards as there are households: those that replace lost ones are none of the sample's.
    cards = min(sample.households, codes.HIGHEST_SERIAL)
    return frozenset(draws.drawn(seed, draws.CARDS, cards, min(sample.size, cards)))


def revealed_seed(sample: Sample, round: Round, key: bytes) -> str:
    """The seed of a draw, for anybody to draw again, once the round is closed; before that nothing."""
    if round.state != Round.State.CLOSED:
        return ""
    season = round.season
    return draws.seed_of(key, season.rules.sha256, sample.enrolment.number).hex()


def sample_digest(season: Season) -> str:
    """One fingerprint over all draws of the season."""
    return fingerprint(
        [
            [number, sample.households, sample.size, sample.seed_sha256]
            for number, sample in sorted(samples_of(season).items())
        ]
    )


def drawing_blockers(season: Season) -> list[Blocker]:
    """Every reason why no sample can be drawn."""
    found = []
    rounds = rounds_of(season)
    if not season.rules.residents.sample:
        found.append(
            Blocker(
                "ballots.no_sample",
                _("The rule book asks for no random sample."),
                _("residents.sample says how many households of each neighbourhood are drawn."),
            )
        )
    if not rounds:
        found.append(
            Blocker(
                "ballots.not_prepared",
                _(
                    "The residents' rounds have not been prepared, so that there is no key to make codes with."
                ),
                _("Ask the programme office to prepare the rounds."),
            )
        )
    elif any(round.state != Round.State.PREPARED for round in rounds.values()):
        found.append(
            Blocker(
                "ballots.sample_too_late",
                _("The residents' rounds have opened."),
                _("A sample is drawn before the first card is printed, or not at all."),
            )
        )
    if Sample.objects.filter(enrolment__season=season).exists():
        found.append(
            Blocker(
                "ballots.sample_drawn",
                _("The households have been drawn."),
                _("They are drawn once: nobody draws until the draw pleases."),
            )
        )
    return found


def opening_list_blockers(enrolment: Enrolment) -> list[Blocker]:
    """Every reason why there is no visiting list of the neighbourhood."""
    if Sample.objects.filter(enrolment=enrolment).exists():
        return []
    return [
        Blocker(
            "ballots.no_sample_here",
            _("No household of %(name)s has been drawn.") % {"name": enrolment.organisation},
            _("The draw takes the neighbourhoods whose number of households the roster gives."),
        )
    ]


@dataclass(frozen=True)
class FollowUp:
    """How many of a neighbourhood's drawn households have voted. Which ones, nobody can tell."""

    enrolment: Enrolment
    sample: Sample
    voted: int

    @property
    def left(self) -> int:
        return self.sample.size - self.voted


def follow_up(season: Season, account: Account) -> list[FollowUp]:
    """The sample's turnout in the neighbourhoods of the account's offices."""
    voted = dict(
        Ballot.objects.filter(
            round__season=season,
            round__kind=Round.Kind.SECRETARIES,
            status=Ballot.Status.COUNTED,
            in_sample=True,
        )
        .order_by()
        .values_list("enrolment_id")
        .annotate(count=Count("pk"))
        .values_list("enrolment_id", "count")
    )
    rows = Sample.objects.filter(enrolment__in=enrolments_of_offices(account, season)).select_related(
        "enrolment__person", "enrolment__post__organisation__parent"
    )
    return [
        FollowUp(sample.enrolment, sample, voted.get(sample.enrolment_id, 0))
        for sample in rows.order_by("enrolment__post__organisation__code")
    ]


# The open vote beside the sample.


@dataclass(frozen=True)
class Voice:
    """The mean mark of some ballots, each counted by the mean of its own marks, and what the mean may be off by chance."""

    ballots: int
    mean: float
    variance: float

    @property
    def error(self) -> float:
        return math.sqrt(self.variance / self.ballots)


@dataclass(frozen=True)
class Comparison:
    """The open vote beside the sample, in one neighbourhood or over all; differences are open less sample."""

    difference: float
    error: float

    @property
    def low(self) -> float:
        return self.difference - HALF_WIDTH * self.error

    @property
    def high(self) -> float:
        return self.difference + HALF_WIDTH * self.error

    @property
    def is_beyond_chance(self) -> bool:
        """Whether chance alone hardly explains it: 0 lies outside the 90 % interval."""
        return self.low > 0 or self.high < 0

    @property
    def is_large(self) -> bool:
        """Whether it is also so large that one would think otherwise of a secretary."""
        return self.is_beyond_chance and abs(self.difference) >= WORTH_A_THOUGHT


@dataclass(frozen=True)
class NeighbourhoodComparison(Comparison):
    enrolment: Enrolment
    open: Voice
    sample: Voice


@dataclass(frozen=True)
class SampleBesideOpenVote:
    """Every neighbourhood with ballots enough on both sides, and all of them together by their households."""

    neighbourhoods: list[NeighbourhoodComparison]
    # Neighbourhoods with fewer ballots on a side than may be shown.
    too_few: int
    smallest: int
    overall: Comparison | None


def sample_beside_open_vote(round: Round) -> SampleBesideOpenVote:
    """The closed round's ballots of the sample beside all its others. Marks are read as totals only."""
    season = round.season
    smallest = season.rules.residents.smallest_published
    tallies: dict[tuple[int, bool], Counter[str]] = {}
    rows = (
        Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED)
        .order_by()
        .values_list("enrolment_id", "in_sample", "marks")
        .annotate(count=Count("pk"))
    )
    for enrolment, in_sample, marks, count in rows:
        tallies.setdefault((enrolment, in_sample), Counter())[marks] += count
    samples = samples_of(season)
    found = []
    for sample in samples.values():
        open_, drawn = (
            voice_of(tallies.get((sample.enrolment_id, side), Counter())) for side in (False, True)
        )
        if open_ and drawn and min(open_.ballots, drawn.ballots) >= max(smallest, 2):
            error = math.hypot(open_.error, drawn.error)
            found.append(
                NeighbourhoodComparison(open_.mean - drawn.mean, error, sample.enrolment, open_, drawn)
            )
    found.sort(key=lambda row: row.enrolment.organisation.code)
    return SampleBesideOpenVote(found, len(samples) - len(found), smallest, together(found, samples))


def voice_of(tally: Counter[str]) -> Voice | None:
    """The mean over ballots of each one's mean mark; None of no ballot. A 0, "I can't say", is no mark."""
    means = [
        (sum(given) / len(given), count)
        for marks, count in sorted(tally.items())
        if (given := [int(mark) for mark in marks if mark != "0"])
    ]
    ballots = sum(count for _, count in means)
    if not ballots:
        return None
    mean = sum(value * count for value, count in means) / ballots
    squares = sum(count * (value - mean) ** 2 for value, count in means)
    return Voice(ballots, mean, squares / max(ballots - 1, 1))


def together(rows: list[NeighbourhoodComparison], samples: dict[int, Sample]) -> Comparison | None:
    """The neighbourhoods' differences weighed by households, so that it speaks of the households of them all."""
    if not rows:
        return None
    households = [samples[row.enrolment.number].households for row in rows]
    shares = [number / sum(households) for number in households]
    return Comparison(
        sum(share * row.difference for share, row in zip(shares, rows, strict=True)),
        math.sqrt(sum((share * row.error) ** 2 for share, row in zip(shares, rows, strict=True))),
    )
