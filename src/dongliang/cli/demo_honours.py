"""Six who retired before the demo's season, honoured for their years. Needs Django configured."""

import datetime
from typing import Any

from dongliang.awards.actions.commending import (
    certify_commendation,
    decide_commendation,
    propose_commendation,
    set_honour_title,
)
from dongliang.people.models import Account, Tenure, TenureKind
from dongliang.seasons.models import Season

RETIRING = 6
MERITS = "任书记{years}年，把小区里的难事一件件办成，离任前把接力棒稳稳交到接任者手里。"


def honour_the_retiring(season: Season, *, panel: list[Account]) -> None:
    """The predecessors of six new secretaries: proposed by one of the office, confirmed by another, certified."""
    office, colleague = panel
    title = set_honour_title(
        season,
        name="荣休书记",
        whom="retiring",
        basis="区委组织部本年度“大梁带小梁”工作方案第六条；属工作通报表扬，不属评比达标表彰项目",
        places=RETIRING,
        by=office,
    )
    new = Tenure.objects.filter(post__enrolments__season=season, ends_on=None, kind=TenureKind.NEW)
    begun = new.order_by("post__organisation__code").values_list("post", "starts_on")
    retired = [leaver for post, starts_on in begun if (leaver := who_retired(post, starts_on))]
    for tenure in retired[:RETIRING]:
        years = round((tenure.ends_on - tenure.starts_on).days / 365)
        proposed = propose_commendation(title, tenure=tenure, merits=MERITS.format(years=years), by=office)
        certify_commendation(decide_commendation(proposed, confirm=True, by=colleague), by=office)


def who_retired(post: int, day: datetime.date) -> Any:
    """Whose tenure ended the day before, and who serves nowhere else."""
    ended = Tenure.objects.filter(post=post, ends_on=day - datetime.timedelta(days=1))
    return ended.exclude(person__tenures__ends_on=None).select_related("person").first()
