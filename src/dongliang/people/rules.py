"""Who may do what with people, organisations and accounts."""

import rules

from dongliang.people.models import Account
from dongliang.people.queries import has_role, is_office

in_office = rules.predicate(is_office, name="in_office")


@rules.predicate
def in_subdistrict_office(account: Account) -> bool:
    return has_role(account, "subdistrict_office")


rules.add_perm("people.import_roster", in_office)
rules.add_perm("people.manage_accounts", in_office)
