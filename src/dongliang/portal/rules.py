"""Who may do what at the desk."""

import rules

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office


@rules.predicate
def in_an_office(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE)


@rules.predicate
def reads_secretaries(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


rules.add_perm("portal.see_desk", in_an_office)
rules.add_perm("portal.read_secretaries", reads_secretaries)
