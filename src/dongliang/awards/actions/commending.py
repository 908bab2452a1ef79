"""Honours of people: set with their basis, proposed by one, confirmed by another, certified."""

from django.db import transaction
from django.utils.timezone import now

from dongliang.awards.models import Certificate, Commendation, HonourTitle
from dongliang.awards.queries.commending import (
    certifying_blockers,
    commending_blockers,
    proposing_blockers,
    quota_blockers,
    title_blockers,
)
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account, Tenure
from dongliang.seasons.models import Season

# What the number of such a certificate begins with, after those of the three lists.
LETTER = "D"


@transaction.atomic
def set_honour_title(
    season: Season, *, name: str, whom: str, basis: str, places: int, by: Account | None
) -> HonourTitle:
    """An honour that can be given from now on; its basis and its number stay. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := title_blockers(season, name, basis):
        raise Refused(blockers)
    title = season.honour_titles.create(
        name=name.strip(), whom=whom, basis=basis.strip(), places=places, set_at=now(), set_by=by
    )
    log_action("awards.honour.set", title, by=by, whom=whom, basis=title.basis, places=places)
    return title


@transaction.atomic
def propose_commendation(
    title: HonourTitle, *, tenure: Tenure, merits: str, by: Account | None
) -> Commendation:
    """Propose somebody for an honour. Raises Refused, naming every blocker."""
    Season.objects.select_for_update().get(pk=title.season_id)
    if blockers := proposing_blockers(title, tenure, merits):
        raise Refused(blockers)
    commendation = title.commendations.create(
        tenure=tenure, merits=merits.strip(), proposed_by=by, proposed_at=now()
    )
    log_action("awards.commendation.proposed", commendation, by=by, merits=commendation.merits)
    return commendation


@transaction.atomic
def decide_commendation(commendation: Commendation, *, confirm: bool, by: Account | None) -> Commendation:
    """Confirm the honour, or decline it, by a second person. Raises Refused."""
    Season.objects.select_for_update().get(pk=commendation.honour.season_id)
    commendation = Commendation.objects.select_related("honour__season", "tenure__person").get(
        pk=commendation.pk
    )
    blockers = commending_blockers(commendation, by)
    if confirm:
        blockers += quota_blockers(commendation.honour, besides=1)
    if blockers:
        raise Refused(blockers)
    commendation.state = Commendation.State.CONFIRMED if confirm else Commendation.State.DECLINED
    commendation.decided_by, commendation.decided_at = by, now()
    commendation.save(update_fields=["state", "decided_by", "decided_at"])
    log_action(f"awards.commendation.{commendation.state}", commendation, by=by)
    return commendation


@transaction.atomic
def certify_commendation(commendation: Commendation, *, by: Account | None) -> Certificate:
    """The certificate of a confirmed honour, issued once. Raises Refused."""
    season = (
        Season.objects.select_for_update(of=("self",))
        .select_related("district")
        .get(pk=commendation.honour.season_id)
    )
    commendation = Commendation.objects.select_related("tenure__person").get(pk=commendation.pk)
    if blockers := certifying_blockers(commendation):
        raise Refused(blockers)
    if found := Certificate.objects.filter(commendation=commendation).first():
        return found
    number = Certificate.objects.filter(commendation__honour__season=season).count() + 1
    certificate = Certificate.objects.create(
        commendation=commendation,
        number=f"{season.district.code}-{season.rules.year}-{LETTER}-S{season.pk}-{number:03d}",
        issued_at=now(),
        issued_by=by,
    )
    log_action("awards.certificates.issued", commendation.honour, by=by, count=1)
    return certificate
