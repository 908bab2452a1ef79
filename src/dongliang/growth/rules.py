"""Who may do what with training and the growth path."""

import rules

from dongliang.mentoring.models import Pair
from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office, organisations_reached
from dongliang.seasons.models import Enrolment, Season


@rules.predicate
def takes_part(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def sits_in_office(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE)


@rules.predicate
def runs_training(account: Account, season: Season | None) -> bool:
    return (
        season is not None
        and organisations_reached(account, Role.OFFICE).filter(pk=season.district_id).exists()
    )


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
    if enrolment is None:
        return False
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return offices.filter(pk=enrolment.subdistrict.pk).exists()


@rules.predicate
def runs_path(account: Account, enrolment: Enrolment | None) -> bool:
    """The programme office alone moves people: subdistricts compete for what a stage is worth."""
    return enrolment is not None and runs_training(account, enrolment.season)


@rules.predicate
def is_mentor(account: Account, enrolment: Enrolment | None) -> bool:
    return (
        enrolment is not None
        and account.person_id is not None
        and has_role(account, Role.MENTOR)
        and Pair.objects.filter(mentee=enrolment, mentor__person=account.person_id, ends_on=None).exists()
    )


rules.add_perm("growth.see_training", takes_part)
rules.add_perm("growth.see_subdistricts", sits_in_office)
rules.add_perm("growth.run_training", runs_training)
rules.add_perm("growth.sign_up", is_secretary | is_in_charge)
rules.add_perm("growth.take_part", is_secretary)
rules.add_perm("growth.read_practice", is_in_charge)
rules.add_perm("growth.credit_hours", runs_path)
rules.add_perm("growth.move_people", runs_path)
rules.add_perm("growth.give_opinion", is_mentor)
