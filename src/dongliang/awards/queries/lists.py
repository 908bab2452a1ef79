from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.awards.models import Honour, HonourList
from dongliang.ballots.queries.integrity import ending_blockers, exclusions_since
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account
from dongliang.people.queries import organisations_reached
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Season


def honour_lists(season: Season) -> QuerySet[HonourList]:
    return season.honour_lists.select_related("run__rule_book", "season", "published_by")


def lists_visible_to(account: Account) -> QuerySet[HonourList]:
    """Lists being prepared are the office's own; what is published, everybody reads on the honour roll."""
    districts = organisations_reached(account, "office").values("pk")
    return HonourList.objects.filter(season__district__in=districts).select_related(
        "run__rule_book", "season"
    )


def published_lists(season: Season) -> QuerySet[HonourList]:
    return honour_lists(season).filter(published_at__isnull=False)


def honoured_season() -> Season | None:
    """The newest season with a public list: the honour roll stands until there is a newer one."""
    return Season.objects.filter(honour_lists__published_at__isnull=False).first()


def honours(honour_list: HonourList) -> QuerySet[Honour]:
    return honour_list.honours.select_related(
        "project", "enrolment__person", "enrolment__post__organisation__parent"
    )


def drawing_blockers(run: ScoringRun) -> list[Blocker]:
    """Every reason why no lists can be drawn from ``run``."""
    published = [str(entry.title) for entry in published_lists(run.season)]
    if not published:
        return []
    return [
        Blocker(
            "awards.published",
            _("Published already: %(titles)s.") % {"titles": pgettext("between names", ", ").join(published)},
            _("A published list stays as it is."),
        )
    ]


def drawn_again() -> Blocker:
    return Blocker(
        "awards.drawn_again",
        _("The lists have been drawn again meanwhile, and this one has been replaced."),
        _("Look at the new ones, then publish."),
    )


def publishing_blockers(honour_list: HonourList) -> list[Blocker]:
    """Every reason why the list cannot be published."""
    # Publishing ends the search for stuffed ballots: nothing may wait for its panel.
    found = ending_blockers(honour_list.season)
    if late := exclusions_since(honour_list.season, honour_list.run.run_at):
        found.append(
            Blocker(
                "awards.excluded_since",
                _("%(count)d ballots have been excluded since run %(number)d, from which the list was drawn.")
                % {"count": late, "number": honour_list.run.number},
                _("Score again, then draw the lists from the new run."),
            )
        )
    if honour_list.published_at:
        found.append(
            Blocker(
                "awards.published",
                _("“%(title)s” is published already.") % {"title": honour_list.title},
            )
        )
    newest = honour_list.season.scoring_runs.first()
    if newest and newest.result_sha256 != honour_list.run.result_sha256:
        found.append(
            Blocker(
                "awards.stale",
                _("The list was drawn from run %(drawn)d; run %(newest)d came out differently.")
                % {"drawn": honour_list.run.number, "newest": newest.number},
                _("Draw the lists again from the newest run."),
            )
        )
    return found
