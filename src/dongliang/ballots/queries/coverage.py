"""How far residents' voices reach. Ballots are read as counts: no query hands out single rows."""

from dataclasses import dataclass, field

from django.db.models import Count, QuerySet
from django.utils.translation import ngettext

from dongliang.ballots.models import Ballot, Round
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


def enrolments_of_offices(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The neighbourhoods whose coverage the account may read and whose cards it may print: its offices' own."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolments(season).filter(post__organisation__in=offices.values("pk"))


def enrolments_run_by_office(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The neighbourhoods of the programme office that the account belongs to; to subdistrict offices, none."""
    districts = organisations_reached(account, Role.OFFICE)
    return enrolments(season).filter(post__organisation__in=districts.values("pk"))


def tally(round: Round) -> list[tuple[int, str, int]]:
    """How many counted ballots have which marks, by secretary's number: (number, marks, count), in that order."""
    numbers = dict(round.season.enrolments.values_list("pk", "number"))
    groups = (
        Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED)
        .order_by()
        .values_list("enrolment_id", "marks")
        .annotate(count=Count("pk"))
    )
    return sorted((numbers[enrolment], marks, count) for enrolment, marks, count in groups)


def share_of(ballots: int, households: int | None) -> float | None:
    return ballots / households if households else None


def heard(ballots: int, households: int | None) -> str:
    """How far a voice reaches, in words: to stand beside whatever that voice says."""
    share = share_of(ballots, households)
    if share is None:
        return ngettext("%(count)d ballot", "%(count)d ballots", ballots) % {"count": ballots}
    return ngettext(
        "%(count)d of %(households)s households, %(share)s",
        "%(count)d of %(households)s households, %(share)s",
        ballots,
    ) % {"count": ballots, "households": f"{households:,}", "share": f"{share:.1%}"}


@dataclass
class NeighbourhoodCoverage:
    """How far residents' voices reach in one neighbourhood. Nothing of what they said."""

    enrolment: Enrolment
    ballots: int
    picks: int
    minimum: int

    @property
    def households(self) -> int | None:
        return self.enrolment.organisation.households

    @property
    def share(self) -> float | None:
        return share_of(self.ballots, self.households)

    @property
    def is_below_minimum(self) -> bool:
        return self.ballots < self.minimum


@dataclass
class SubdistrictCoverage:
    subdistrict: Organisation
    neighbourhoods: list[NeighbourhoodCoverage] = field(default_factory=list)

    @property
    def ballots(self) -> int:
        return sum(row.ballots for row in self.neighbourhoods)

    @property
    def picks(self) -> int:
        return sum(row.picks for row in self.neighbourhoods)

    @property
    def households(self) -> int:
        return sum(row.households or 0 for row in self.neighbourhoods)

    @property
    def share(self) -> float | None:
        return share_of(self.ballots, self.households)

    @property
    def below_minimum(self) -> int:
        return sum(row.is_below_minimum for row in self.neighbourhoods)


def coverage(season: Season, of: QuerySet[Enrolment] | None = None) -> list[SubdistrictCoverage]:
    """Counted ballots and households by subdistrict and neighbourhood, of all the season's or of those given."""
    counts = {
        (kind, enrolment): count
        for kind, enrolment, count in Ballot.objects.filter(
            round__season=season, status=Ballot.Status.COUNTED
        )
        .order_by()
        .values_list("round__kind", "enrolment_id")
        .annotate(count=Count("pk"))
    }
    minimum = next((source.minimum_answers for source in season.rules.sources if source.key == "public"), 0)
    found: dict[int, SubdistrictCoverage] = {}
    rows = enrolments(season) if of is None else of.select_related("person", "post__organisation__parent")
    for enrolment in rows.order_by("post__organisation__code"):
        subdistrict = enrolment.subdistrict
        found.setdefault(subdistrict.pk, SubdistrictCoverage(subdistrict)).neighbourhoods.append(
            NeighbourhoodCoverage(
                enrolment,
                counts.get((Round.Kind.SECRETARIES, enrolment.pk), 0),
                counts.get((Round.Kind.PROJECTS, enrolment.pk), 0),
                minimum,
            )
        )
    return sorted(found.values(), key=lambda row: row.subdistrict.code)
