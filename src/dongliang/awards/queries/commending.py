"""Honours of people, above all of those who retire or leave: who can be honoured, and what stands against it."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dongliang.awards.models import Commendation, HonourTitle
from dongliang.awards.queries.publicity import no_reason
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Tenure
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Season


def season_of_honours(account: Account) -> Season | None:
    """The newest season of the districts whose office the account belongs to."""
    districts = organisations_reached(account, "office").values("pk")
    return Season.objects.filter(district__in=districts).select_related("district").first()


def honour_titles_visible_to(account: Account) -> QuerySet[HonourTitle]:
    districts = organisations_reached(account, "office").values("pk")
    return HonourTitle.objects.filter(season__district__in=districts).select_related("season__district")


def commendations_visible_to(account: Account) -> QuerySet[Commendation]:
    districts = organisations_reached(account, "office").values("pk")
    return Commendation.objects.filter(honour__season__district__in=districts).select_related(
        "honour__season__district",
        "tenure__person",
        "tenure__post__organisation__parent",
        "proposed_by",
        "decided_by",
        "certificate",
    )


def given_and_proposed(title: HonourTitle) -> QuerySet[Commendation]:
    return title.commendations.exclude(state=Commendation.State.DECLINED)


def tenures_for(season: Season, whom: str = "") -> QuerySet[Tenure]:
    """Whose time in a post of the district can be honoured: ended or about to end, or for those in post, going on."""
    found = Tenure.objects.filter(post__organisation__parent__parent=season.district_id).select_related(
        "person", "post__organisation__parent"
    )
    going_on = Q(ends_on=None)
    if whom == HonourTitle.Whom.SERVING:
        found = found.filter(going_on)
    elif whom == HonourTitle.Whom.LEAVING:
        found = found.exclude(going_on)
    elif whom == HonourTitle.Whom.RETIRING:
        # Who went on to another post has not retired.
        found = found.exclude(going_on).exclude(person__tenures__ends_on=None)
    return found.order_by("-ends_on", "post__organisation__code")


def title_blockers(season: Season, name: str, basis: str) -> list[Blocker]:
    """Every reason why the season cannot have this honour."""
    found = []
    if season.honour_titles.filter(name=name.strip()).exists():
        found.append(
            Blocker(
                "awards.title_taken",
                _("There is an honour called “%(name)s” already.") % {"name": name.strip()},
                _("Use that one, or give the new one another name."),
            )
        )
    if not basis.strip():
        found.append(
            Blocker(
                "awards.no_basis",
                _("No basis is given."),
                _("Name the document that entitles the office to give this honour, with its number."),
            )
        )
    return found


def proposing_blockers(title: HonourTitle, tenure: Tenure, merits: str) -> list[Blocker]:
    """Every reason why this person cannot be proposed for the honour."""
    found = quota_blockers(title)
    if not tenures_for(title.season, title.whom).filter(pk=tenure.pk).exists():
        found.append(
            Blocker(
                "awards.not_for_them",
                _("“%(honour)s” is for %(whom)s, and %(name)s is not one of them.")
                % {"honour": title, "whom": title.get_whom_display(), "name": tenure.person},
                _("Choose another honour; or have the roster say when the post was or will be left."),
            )
        )
    if given_and_proposed(title).filter(tenure=tenure).exists():
        found.append(
            Blocker(
                "awards.honoured_already",
                _("%(name)s has “%(honour)s”, or is proposed for it.")
                % {"name": tenure.person, "honour": title},
            )
        )
    return found + ([] if merits.strip() else [no_reason()])


def quota_blockers(title: HonourTitle, *, besides: int = 0) -> list[Blocker]:
    if given_and_proposed(title).count() - besides < title.places:
        return []
    return [
        Blocker(
            "awards.honour_quota",
            _("“%(honour)s” may be given %(places)d times, and that many are given or proposed.")
            % {"honour": title, "places": title.places},
            _("Decline a proposal first, or stay within what the basis allows."),
        )
    ]


def commending_blockers(commendation: Commendation, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot decide on the proposal."""
    found = []
    if commendation.state != Commendation.State.PROPOSED:
        found.append(
            Blocker(
                "awards.decided",
                _("This proposal is %(state)s already.") % {"state": commendation.get_state_display()},
            )
        )
    if by is not None and commendation.proposed_by_id == by.pk:
        found.append(
            Blocker(
                "awards.own_proposal",
                _("You proposed this honour."),
                _("Somebody else in the office has to decide on it."),
            )
        )
    return found


def certifying_blockers(commendation: Commendation) -> list[Blocker]:
    if commendation.state == Commendation.State.CONFIRMED:
        return []
    return [
        Blocker(
            "awards.not_confirmed",
            _("The honour of %(name)s is not confirmed.") % {"name": commendation.tenure.person},
            _("A second person has to confirm it first."),
        )
    ]
