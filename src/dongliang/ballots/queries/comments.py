"""Residents' comments: who may check them, and which of them a secretary reads."""

from django.db.models import Count, Q, QuerySet

from dongliang.ballots.models import Comment, Round
from dongliang.common.pinyin import has_initials, is_initials
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment, Season


def comments_visible_to(account: Account) -> QuerySet[Comment]:
    """The office's district's, once the round is closed: while it is open, even a day would tell something."""
    districts = organisations_reached(account, Role.OFFICE).values("pk")
    return Comment.objects.filter(
        round__season__district__in=districts, round__state=Round.State.CLOSED
    ).select_related("enrolment__person", "enrolment__post__organisation__parent", "decided_by")


def matching_comments(
    rows: QuerySet[Comment], *, search: str = "", subdistrict: Organisation | None = None, state: str = ""
) -> QuerySet[Comment]:
    """The rows that a filter bar asks for."""
    if search:
        named = Q(enrolment__person__name__icontains=search) | Q(
            enrolment__post__organisation__name__icontains=search
        )
        named |= Q(text__icontains=search)
        if is_initials(search):
            people = rows.order_by().values_list("enrolment", "enrolment__person__name").distinct()
            named |= Q(enrolment__in=[pk for pk, name in people if has_initials(name, search)])
        rows = rows.filter(named)
    if subdistrict:
        rows = rows.filter(enrolment__post__organisation__parent=subdistrict)
    return rows.filter(state=state) if state else rows


def comment_counts(season: Season) -> dict[str, int]:
    """How many comments are in each state."""
    rows = Comment.objects.filter(round__season=season).order_by().values("state").annotate(count=Count("pk"))
    found = {row["state"]: row["count"] for row in rows}
    return {state: found.get(state, 0) for state in Comment.State.values}


def comments_shown_to(enrolment: Enrolment) -> list[str]:
    """What the secretary reads: words alone, in no order, with no day."""
    shown = Comment.objects.filter(
        enrolment=enrolment, state=Comment.State.SHOWN, round__state=Round.State.CLOSED
    )
    return list(shown.order_by("number").values_list("text", flat=True))
