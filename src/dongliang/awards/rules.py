"""Who may do what with honour lists and feedback: the office, for its own district; a secretary, with the own."""

import rules

from dongliang.awards.models import Feedback
from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office
from dongliang.people.rules import in_office
from dongliang.seasons.rules import in_office_of


@rules.predicate
def follows_feedback(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.MENTOR)


@rules.predicate
def reads_feedback(account: Account) -> bool:
    return follows_feedback(account) or has_role(account, Role.SECRETARY)


@rules.predicate
def is_about(account: Account, feedback: Feedback | None) -> bool:
    return (
        feedback is not None
        and has_role(account, Role.SECRETARY)
        and account.person_id == feedback.enrolment.person_id
    )


rules.add_perm("awards.manage_lists", in_office)
rules.add_perm("awards.release_feedback", in_office_of)
rules.add_perm("awards.follow_feedback", follows_feedback)
rules.add_perm("awards.read_feedback", reads_feedback)
rules.add_perm("awards.acknowledge_feedback", is_about)
