"""The random sample of households that is asked in person beside the open vote."""

from django.db import transaction

from dongliang.ballots import draws
from dongliang.ballots.models import Sample
from dongliang.ballots.queries.rounds import proven_key
from dongliang.ballots.queries.sample import drawing_blockers, opening_list_blockers, sample_digest
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


@transaction.atomic
def draw_samples(season: Season, *, by: Account | None) -> list[Sample]:
    """Draw the households of every neighbourhood whose number of households is known. Raises Refused.

    Only the digest of each draw's seed is stored: which doors and cards it gives, the season's key alone tells, and it
    can give no others.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := drawing_blockers(season):
        raise Refused(blockers)
    key, rules = proven_key(season), season.rules
    samples = Sample.objects.bulk_create(
        Sample(
            enrolment=enrolment,
            households=households,
            size=min(rules.residents.sample, households),
            seed_sha256=draws.seed_digest(draws.seed_of(key, rules.sha256, enrolment.number)),
        )
        for enrolment in enrolments(season)
        if (households := enrolment.organisation.households)
    )
    log_action(
        "ballots.sample.drawn",
        season,
        by=by,
        neighbourhoods=len(samples),
        households=sum(sample.size for sample in samples),
        seeds=sample_digest(season),
    )
    return samples


@transaction.atomic
def open_visiting_list(enrolment: Enrolment, *, by: Account | None) -> tuple[int, ...]:
    """The drawn doors of one neighbourhood, counted on the committee's list of households. Raises Refused.

    A line in the log says who opened it: whoever knows the doors could go there first.
    """
    if blockers := opening_list_blockers(enrolment):
        raise Refused(blockers)
    sample = Sample.objects.get(enrolment=enrolment)
    season = enrolment.season
    seed = draws.seed_of(proven_key(season), season.rules.sha256, enrolment.number)
    log_action("ballots.sample.list_opened", enrolment, by=by, doors=sample.size)
    return draws.drawn(seed, draws.DOORS, sample.households, sample.size)
