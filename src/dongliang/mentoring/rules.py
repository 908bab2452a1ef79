"""Who may do what with profiles, pairs, agreements and visits."""

import rules

from dongliang.mentoring.models import Agreement, Mentor, Pair, Side, Visit
from dongliang.mentoring.queries.pairs import side_of
from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office, organisations_reached
from dongliang.seasons.models import Enrolment
from dongliang.seasons.rules import in_office_of


@rules.predicate
def takes_part(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def in_charge_of(account: Account, enrolment: Enrolment | None) -> bool:
    """Whether the account sits in the office above this secretary: the subdistrict's, or the programme's."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolment is not None and offices.filter(pk=enrolment.subdistrict.pk).exists()


@rules.predicate
def is_mentee(account: Account, enrolment: Enrolment | None) -> bool:
    return (
        enrolment is not None
        and has_role(account, Role.SECRETARY)
        and account.person_id == enrolment.person_id
    )


@rules.predicate
def keeps_mentor(account: Account, mentor: Mentor | None) -> bool:
    if mentor is None:
        return False
    own = has_role(account, Role.MENTOR) and account.person_id == mentor.person_id
    return own or bool(in_office_of(account, mentor.season))


@rules.predicate
def is_party(account: Account, pair: Pair | None) -> bool:
    """Whether the account is one of the two."""
    return pair is not None and side_of(account, pair) in (Side.MENTOR, Side.MENTEE)


@rules.predicate
def writes_agreement(account: Account, pair: Pair | None) -> bool:
    return pair is not None and (is_party(account, pair) or in_charge_of(account, pair.mentee))


@rules.predicate
def signs(account: Account, agreement: Agreement | None) -> bool:
    return agreement is not None and side_of(account, agreement.pair) is not None


@rules.predicate
def took_part(account: Account, visit: Visit | None) -> bool:
    return visit is not None and bool(is_party(account, visit.pair))


rules.add_perm("mentoring.see_pairs", takes_part)
rules.add_perm("mentoring.run_pairing", in_office_of)
rules.add_perm("mentoring.keep_mentor_profile", keeps_mentor)
rules.add_perm("mentoring.keep_mentee_profile", is_mentee | in_charge_of)
rules.add_perm("mentoring.write_agreement", writes_agreement)
rules.add_perm("mentoring.sign_agreement", signs)
rules.add_perm("mentoring.log_visit", is_party)
rules.add_perm("mentoring.follow_up", took_part)
