"""Who may do what with first things."""

import rules

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, organisations_reached
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment


@rules.predicate
def has_first_things_to_read(account: Account) -> bool:
    return has_role(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def is_secretary(account: Account, enrolment: Enrolment | None) -> bool:
    return (
        enrolment is not None
        and has_role(account, Role.SECRETARY)
        and account.person_id == enrolment.person_id
    )


@rules.predicate
def is_in_charge(account: Account, enrolment: Enrolment | None) -> bool:
    """Whether the account sits in the office above this secretary: the subdistrict's, or the programme's."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolment is not None and offices.filter(pk=enrolment.subdistrict.pk).exists()


@rules.predicate
def may_nominate(account: Account, project: FirstThing | None) -> bool:
    return project is not None and is_in_charge(account, project.enrolment)


rules.add_perm("projects.see_list", has_first_things_to_read)
rules.add_perm("projects.keep_first_thing", is_secretary | is_in_charge)
rules.add_perm("projects.nominate", may_nominate)
