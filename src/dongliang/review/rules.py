"""Who may do what with assessments."""

import rules

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role
from dongliang.review.models import Assignment
from dongliang.review.queries import own_assignments
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


rules.add_perm("review.see_own_sheets", assesses)
rules.add_perm("review.fill_sheet", answers)
rules.add_perm("review.see_board", in_office_of)
rules.add_perm("review.plan_assignments", in_office_of)
rules.add_perm("review.rule_on_sheets", in_office_of)
