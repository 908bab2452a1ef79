"""Feedback: whose may be read by whom, what stands against releasing it, and how it is shown."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dongliang.awards.models import RESOLVE_LENGTH, Feedback, FeedbackRelease
from dongliang.common.charts import Estimate, ProfileChart, profile
from dongliang.common.pinyin import has_initials, is_initials
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Pair
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import has_role, organisations_reached
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Season

READ, UNREAD, RESOLVED, SHARED = "read", "unread", "resolved", "shared"


def feedback_of_season(season: Season) -> QuerySet[Feedback]:
    return Feedback.objects.filter(release__season=season)


def with_people(feedback: QuerySet[Feedback]) -> QuerySet[Feedback]:
    return feedback.select_related(
        "release__season__district",
        "release__run__rule_book",
        "enrolment__person",
        "enrolment__post__organisation__parent",
        "mentor__person",
        "mentor__home",
        "case__enrolment__season",
        "case__enrolment__post__organisation__parent",
    )


def of_district(account: Account) -> Q:
    return Q(release__season__district__in=organisations_reached(account, Role.OFFICE).values("pk"))


def own(account: Account) -> Q:
    """What was written for the account's person, while the account is a secretary's."""
    if account.person_id and has_role(account, Role.SECRETARY):
        return Q(enrolment__person=account.person_id)
    return Q(pk__in=[])


def of_mentees(account: Account) -> Q:
    if account.person_id and has_role(account, Role.MENTOR):
        pairs = Pair.objects.filter(mentor__person=account.person_id, ends_on=None)
        return Q(enrolment__in=pairs.values("mentee"))
    return Q(pk__in=[])


def feedback_visible_to(account: Account) -> QuerySet[Feedback]:
    """Whose feedback the account may read: the secretary's own, the office's district's, and a mentor's mentees' of now who
    consent."""
    shared = of_mentees(account) & Q(shared=True)
    return with_people(Feedback.objects.filter(own(account) | of_district(account) | shared))


def feedback_listed_for(account: Account) -> QuerySet[Feedback]:
    """Whose feedback the account may know of, with the sentence that was written to the mentor; not what it says."""
    return with_people(Feedback.objects.filter(of_district(account) | of_mentees(account)))


def matching_feedback(
    rows: QuerySet[Feedback], *, search: str = "", subdistrict: Organisation | None = None, state: str = ""
) -> QuerySet[Feedback]:
    """The rows that a filter bar asks for."""
    if search:
        named = Q(enrolment__person__name__icontains=search) | Q(
            enrolment__post__organisation__name__icontains=search
        )
        if is_initials(search):
            people = rows.order_by().values_list("pk", "enrolment__person__name")
            named |= Q(pk__in=[pk for pk, name in people if has_initials(name, search)])
        rows = rows.filter(named)
    if subdistrict:
        rows = rows.filter(enrolment__post__organisation__parent=subdistrict)
    wanted = {
        READ: Q(read_at__isnull=False),
        UNREAD: Q(read_at=None),
        RESOLVED: ~Q(resolve=""),
        SHARED: Q(shared=True),
    }
    return rows.filter(wanted[state]) if state else rows


def own_feedback(account: Account) -> Feedback | None:
    """The newest that was written for the account's person."""
    return Feedback.objects.filter(own(account)).order_by("-release").first()


def release_of(season: Season) -> FeedbackRelease | None:
    return FeedbackRelease.objects.filter(season=season).select_related("run", "released_by").first()


def release_blockers(season: Season) -> list[Blocker]:
    """Every reason why feedback cannot be released now."""
    if release_of(season):
        return [
            Blocker(
                "feedback.released",
                _("The feedback of %(season)s is released already.") % {"season": season},
                _("It stays as it was written."),
            )
        ]
    # While the list is being prepared, the run it comes from may be replaced.
    if not season.honour_lists.filter(kind="best_secretaries", published_at__isnull=False).exists():
        return [
            Blocker(
                "feedback.no_public_list",
                _("The list of the finest secretaries is not public yet."),
                _("Publish it first: until then nobody sees a mark, not even the own ones."),
            )
        ]
    return []


def acknowledging_blockers(resolve: str) -> list[Blocker]:
    if len(" ".join(resolve.split())) <= RESOLVE_LENGTH:
        return []
    return [
        Blocker(
            "feedback.resolve_long",
            _("The sentence has %(seen)d characters.") % {"seen": len(" ".join(resolve.split()))},
            _("Write at most %(most)d.") % {"most": RESOLVE_LENGTH},
        )
    ]


def current_pairs(season: Season) -> dict[int, int]:
    """The mentor of each mentee, by enrolment."""
    return dict(Pair.objects.filter(mentor__season=season, ends_on=None).values_list("mentee", "mentor"))


def mentor_of_now(feedback: Feedback) -> Pair | None:
    return (
        Pair.objects.filter(mentee=feedback.enrolment_id, ends_on=None)
        .select_related("mentor__person")
        .first()
    )


def cases_of(season: Season) -> list[FirstThing]:
    """The projects landed in this season and the one before."""
    before = Season.objects.filter(district=season.district_id, pk__lt=season.pk).values("pk")[:1]
    landed = FirstThing.objects.filter(state=FirstThing.State.LANDED)
    return list(
        landed.filter(Q(enrolment__season=season) | Q(enrolment__season__in=before))
        .select_related("enrolment__person", "enrolment__post__organisation__parent")
        .order_by("-enrolment__season", "enrolment__number")
    )


def profile_chart(feedback: Feedback) -> ProfileChart:
    """The marks by indicator and source beside the district's middle."""
    rules = feedback.release.run.rule_book.validated
    return profile(
        [str(indicator.name) for indicator in rules.indicators],
        [str(source.name) for source in rules.sources],
        [
            [
                Estimate(cell["value"], cell["low"], cell["high"], cell["middle"]) if cell else None
                for cell in row
            ]
            for row in feedback.content["cells"]
        ],
        title=_("Your marks, and the middle of the district"),
        description=_(
            "The dot is your mark from 1 to 5, adjusted for harsh and lenient assessors; the line is where it lies with 90 % certainty; "
            "the small upright stroke is the middle of the district."
        ),
    )


def counts_of(season: Season) -> dict[str, int]:
    rows = feedback_of_season(season)
    return {
        "all": rows.count(),
        "read": rows.filter(read_at__isnull=False).count(),
        "resolved": rows.exclude(resolve="").count(),
        "shared": rows.filter(shared=True).count(),
    }
