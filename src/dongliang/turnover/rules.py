"""Who may do what with posts, handovers, elections and advisers."""

import rules

from dongliang.people.models import Account, Post, Role
from dongliang.people.queries import has_role, is_office, organisations_reached
from dongliang.turnover.models import Handover, Side
from dongliang.turnover.queries.handovers import handovers_visible_to, sides_of


@rules.predicate
def sits_in_office(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE)


@rules.predicate
def has_a_part(account: Account) -> bool:
    """Whether somebody who sits in no office hands over or takes over, in whatever role now."""
    return handovers_visible_to(account).exists()


@rules.predicate
def in_office(account: Account) -> bool:
    return is_office(account)


@rules.predicate
def in_office_of_post(account: Account, post: Post | None) -> bool:
    return (
        post is not None
        and organisations_reached(account, Role.OFFICE).filter(pk=post.organisation_id).exists()
    )


@rules.predicate
def keeps_promises(account: Account, post: Post | None) -> bool:
    """Whoever holds the post, and the offices in charge of it."""
    if post is None:
        return False
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    own = bool(account.is_active and account.person_id) and post.tenures.filter(
        person=account.person_id, ends_on=None
    )
    return bool(own) or offices.filter(pk=post.organisation_id).exists()


@rules.predicate
def hands_over(account: Account, handover: Handover | None) -> bool:
    return handover is not None and Side.LEAVER in sides_of(account, handover)


@rules.predicate
def takes_over(account: Account, handover: Handover | None) -> bool:
    return handover is not None and Side.SUCCESSOR in sides_of(account, handover)


@rules.predicate
def signs(account: Account, handover: Handover | None) -> bool:
    return handover is not None and bool(sides_of(account, handover))


rules.add_perm("turnover.see_handovers", sits_in_office | has_a_part)
rules.add_perm("turnover.see_posts", sits_in_office)
rules.add_perm("turnover.change_holder", in_office_of_post)
rules.add_perm("turnover.keep_promises", keeps_promises)
rules.add_perm("turnover.write_handover", hands_over)
rules.add_perm("turnover.accept_handover", takes_over)
rules.add_perm("turnover.sign_handover", signs)
rules.add_perm("turnover.run_elections", in_office)
rules.add_perm("turnover.keep_advisers", in_office)
