"""Residents' comments: put in no order at the close, then shown or withheld, one by one."""

from django.db import transaction
from django.utils.translation import gettext as _

from dongliang.ballots.models import Comment, Round, unordered_number
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account


@transaction.atomic
def shuffle_comments(round: Round) -> int:
    """Write all comments of a closed round anew, in an order of chance, and return how many there are.

    A database may tell which rows were written together, and so which comment came with which ballots. Afterwards all
    were written at once.
    """
    found = list(Comment.objects.filter(round=round).select_for_update())
    Comment.objects.filter(round=round).delete()
    for comment in found:
        comment.number = unordered_number()
    Comment.objects.bulk_create(sorted(found, key=lambda comment: comment.number))
    return len(found)


@transaction.atomic
def decide_comment(comment: Comment, *, state: str, reason: str = "", by: Account | None) -> Comment:
    """Show a comment to its secretary, or withhold it for a reason; a decision can be changed. Raises Refused."""
    comment = Comment.objects.select_for_update().get(pk=comment.pk)
    if state not in (Comment.State.SHOWN, Comment.State.WITHHELD):
        raise Refused(
            Blocker(
                "comments.undecided",
                _("Neither showing nor withholding was chosen."),
                _("Press one of the buttons beside the comment."),
            )
        )
    if state == Comment.State.WITHHELD and reason not in Comment.Reason.values:
        raise Refused(
            Blocker(
                "comments.no_reason",
                _("No reason is given for withholding the comment."),
                _("Choose the one that fits best."),
            )
        )
    comment.state, comment.decided_by = state, by
    comment.reason = reason if state == Comment.State.WITHHELD else ""
    comment.save(update_fields=["state", "reason", "decided_by"])
    log_action("ballots.comment.decided", comment, by=by, state=comment.state, reason=comment.reason)
    return comment
