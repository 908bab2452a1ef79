"""Who may read seasons side by side. Which rows each sees is in the queries."""

import rules

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office


@rules.predicate
def sits_in_office(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE)


@rules.predicate
def in_programme_office(account: Account) -> bool:
    return is_office(account)


@rules.predicate
def takes_part(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def has_own_record(account: Account) -> bool:
    return bool(sits_in_office(account)) or has_role(account, Role.SECRETARY)


@rules.predicate
def coaches_or_runs(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.MENTOR)


rules.add_perm("years.see_years", takes_part)
rules.add_perm("years.see_district", in_programme_office)
rules.add_perm("years.compare_people", sits_in_office)
rules.add_perm("years.see_person", has_own_record)
rules.add_perm("years.see_mentor", coaches_or_runs)
