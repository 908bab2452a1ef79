"""Posts: who holds them, which are vacant or held for the time being, and since when."""

import datetime
from typing import Any

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Organisation, Post, Role, Tenure, TenureKind
from dongliang.people.queries import found_by_name, organisations_reached
from dongliang.turnover.models import Promise

VACANT, ACTING, HELD = "vacant", "acting", "held"


def posts_visible_to(account: Account) -> QuerySet[Post]:
    """The posts of the offices in charge, and the one that one holds oneself."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    wanted = Q(organisation__in=offices.values("pk"))
    if account.person_id and account.is_active:
        wanted |= Q(pk__in=Tenure.objects.filter(person=account.person_id, ends_on=None).values("post"))
    return Post.objects.filter(wanted).select_related("organisation__parent")


def with_holders(posts: QuerySet[Post]) -> QuerySet[Any]:
    """Posts with who holds each now, appointed how and since when, and the last day anybody did."""
    now = Tenure.objects.filter(post=OuterRef("pk"), ends_on=None)
    last = Tenure.objects.filter(post=OuterRef("pk")).exclude(ends_on=None).order_by("-ends_on")
    return posts.annotate(
        holder=Subquery(now.values("person__name")[:1]),
        how=Subquery(now.values("kind")[:1]),
        since=Subquery(now.values("starts_on")[:1]),
        last_day=Max("tenures__ends_on"),
        last_holder=Subquery(last.values("person__name")[:1]),
    ).order_by(F("how").asc(nulls_first=True), "organisation__code")


def matching_posts(
    posts: QuerySet[Any], *, search: str = "", subdistrict: Organisation | None = None, state: str = ""
) -> QuerySet[Any]:
    """The rows that a filter bar asks for, of ``with_holders``."""
    posts = found_by_name(posts, search, "holder", "last_holder", also=("organisation__name",))
    if subdistrict:
        posts = posts.filter(organisation__parent=subdistrict)
    if state == VACANT:
        posts = posts.filter(how=None)
    elif state == ACTING:
        posts = posts.filter(how=TenureKind.ACTING)
    elif state == HELD:
        posts = posts.exclude(how=None).exclude(how=TenureKind.ACTING)
    return posts


def days_vacant(last_day: datetime.date | None, today: datetime.date | None = None) -> int | None:
    """How many days nobody has been in post, today included; None if nobody ever was."""
    return ((today or localdate()) - last_day).days if last_day else None


def promise_blockers(post: Post, what: str) -> list[Blocker]:
    """Every reason why nothing can be promised in this post now."""
    found = []
    if not post.tenures.filter(ends_on=None).exists():
        found.append(
            Blocker(
                "promise.nobody",
                _("Nobody is in the post of %(place)s, who could promise anything.") % {"place": post},
                _("Wait until somebody is."),
            )
        )
    if not what.strip():
        found.append(
            Blocker("promise.words", _("Nothing says what was promised."), _("Write it in a few words."))
        )
    return found


def settling_blockers(promise: Promise, state: str, outcome: str) -> list[Blocker]:
    """Every reason why the promise cannot be settled so."""
    found = []
    if promise.state != Promise.State.OPEN:
        found.append(
            Blocker(
                "promise.settled",
                _("'%(what)s' is settled: %(state)s.")
                % {"what": promise, "state": promise.get_state_display()},
                _("Nothing is left to do."),
            )
        )
    if state not in (Promise.State.KEPT, Promise.State.DROPPED):
        found.append(
            Blocker(
                "promise.state",
                _("A promise cannot become '%(state)s'.") % {"state": state},
                _("It is kept, or given up with a reason."),
            )
        )
    if not outcome.strip():
        found.append(
            Blocker(
                "promise.outcome",
                _("Nothing says what became of the promise."),
                _("Write how it was kept, or why it was given up."),
            )
        )
    return found
