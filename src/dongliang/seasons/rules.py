"""Who may do what with seasons and their rules."""

import rules

from dongliang.people.models import Account
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Season


@rules.predicate
def in_office_of(account: Account, season: Season | None) -> bool:
    return (
        season is not None and organisations_reached(account, "office").filter(pk=season.district_id).exists()
    )


rules.add_perm("seasons.run_season", in_office_of)
