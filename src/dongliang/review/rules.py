"""Who may do what with assessments."""

import rules

from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import has_role, is_office
from dongliang.review.models import Assignment, Conflict, Signature
from dongliang.review.queries import own_assignments
from dongliang.review.signatures import acts_for
from dongliang.seasons.rules import in_office_of


@rules.predicate
def assesses(account: Account) -> bool:
    return has_role(account, Role.MENTOR, Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT)


@rules.predicate
def answers(account: Account, assignment: Assignment | None) -> bool:
    return (
        assignment is not None
        and own_assignments(account, assignment.season).filter(pk=assignment.pk).exists()
    )


@rules.predicate
def assesses_or_is_assessed(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def may_withdraw(account: Account, conflict: Conflict | None) -> bool:
    """Who declared it, until the office has confirmed it; the office always."""
    if conflict is None:
        return False
    return in_office_of(account, conflict.season) or (
        conflict.declared_by_id == account.pk and conflict.state == Conflict.State.DECLARED
    )


rules.add_perm("review.declare_conflict", assesses_or_is_assessed)
rules.add_perm("review.decide_conflict", in_office_of)
rules.add_perm("review.withdraw_conflict", may_withdraw)


@rules.predicate
def acts_for_institution(account: Account, institution: Organisation | None) -> bool:
    return institution is not None and acts_for(account, institution)


@rules.predicate
def may_reopen(account: Account, signature: Signature | None) -> bool:
    return signature is not None and (
        acts_for(account, signature.institution) or in_office_of(account, signature.season)
    )


rules.add_perm("review.return_sheets", acts_for_institution)
rules.add_perm("review.sign_sheets", acts_for_institution)
rules.add_perm("review.reopen_sheets", may_reopen)
rules.add_perm("review.see_own_sheets", assesses)
rules.add_perm("review.fill_sheet", answers)
rules.add_perm("review.see_board", in_office_of)
rules.add_perm("review.plan_assignments", in_office_of)
rules.add_perm("review.change_assessors", in_office_of)
rules.add_perm("review.remind_assessors", in_office_of)
rules.add_perm("review.rule_on_sheets", in_office_of)
