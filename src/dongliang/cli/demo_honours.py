"""Six who retired before the demo's season, honoured for their years. Needs Django configured."""

import datetime

import numpy as np

from dongliang.awards.actions.commending import (
    certify_commendation,
    decide_commendation,
    propose_commendation,
    set_honour_title,
)
from dongliang.cli import liangzhou
from dongliang.people.models import Account, Person, Tenure, TenureKind
from dongliang.seasons.models import Season

RETIRING = 6
MERITS = "任书记{years}年，把小区里的难事一件件办成，离任前把接力棒稳稳交到接任者手里。"


def honour_the_retiring(rng: np.random.Generator, season: Season, *, panel: list[Account]) -> None:
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
    people = liangzhou.names(rng)
    taken = set(Person.objects.values_list("name", flat=True))
    new = Tenure.objects.filter(post__enrolments__season=season, ends_on=None, kind=TenureKind.NEW)
    for successor in new.order_by("post__organisation__code")[:RETIRING]:
        name, gender = next(entry for entry in people if entry[0] not in taken)
        years = int(rng.integers(6, 16))
        last = successor.starts_on - datetime.timedelta(days=1)
        tenure = Tenure.objects.create(
            post=successor.post,
            person=Person.objects.create(name=name, gender=gender),
            kind=TenureKind.REELECTED,
            starts_on=last.replace(year=last.year - years, day=1),
            ends_on=last,
        )
        proposed = propose_commendation(title, tenure=tenure, merits=MERITS.format(years=years), by=office)
        certify_commendation(decide_commendation(proposed, confirm=True, by=colleague), by=office)
