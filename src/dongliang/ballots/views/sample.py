"""The random sample: who has been heard, the visitors' lists, and after the close the open vote beside it."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from rules.contrib.views import permission_required

from dongliang.ballots.actions.sample import open_visiting_list
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Round
from dongliang.ballots.queries.coverage import enrolments_of_offices, enrolments_run_by_office
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.ballots.queries.sample import (
    SampleBesideOpenVote,
    follow_up,
    revealed_seed,
    sample_beside_open_vote,
    sample_digest,
    samples_of,
)
from dongliang.common.comparison_charts import Difference, DifferenceChart, differences
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS_A_PAGE = 50
# So many neighbourhoods are drawn, those that differ most; the table has all of them.
LARGEST = 20


@permission_required("ballots.view_rounds", raise_exception=True)
def sample(request: HttpRequest) -> HttpResponse:
    """Each neighbourhood's sample and how many of it have voted; for the programme office, later, the comparison."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "ballots/sample.html", {"season": None})
    rows = follow_up(season, request.user)
    round = rounds_of(season).get(Round.Kind.SECRETARIES)
    may_visit = request.user.has_perm("ballots.visit_sample")
    shown = None
    if round and round.state == Round.State.CLOSED and may_visit and rows:
        shown = sample_beside_open_vote(round)
        if request.GET.get("format") == "xlsx":
            return draws_workbook(season, round)
    return render(
        request,
        "ballots/sample.html",
        {
            "season": season,
            "page": Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
            "drawn": sum(row.sample.size for row in rows),
            "voted": sum(row.voted for row in rows),
            "without": enrolments_of_offices(request.user, season).filter(sample=None).count() if rows else 0,
            "may_visit": may_visit,
            # Whoever casts a ballot and sees the number rise would know the card for one of the sample's.
            "shows_turnout": may_visit or bool(round and round.state == Round.State.CLOSED),
            "digest": sample_digest(season) if rows else "",
            "compared": shown,
            "chart": difference_chart(shown) if shown and shown.overall else None,
        },
    )


def difference_chart(found: SampleBesideOpenVote) -> DifferenceChart:
    overall = found.overall
    largest = sorted(found.neighbourhoods, key=lambda row: -abs(row.difference))[:LARGEST]
    rows = [
        Difference(
            row.enrolment.organisation.name,
            row.difference,
            row.low,
            row.high,
            row.is_beyond_chance,
            row.enrolment.subdistrict.name,
        )
        for row in sorted(largest, key=lambda row: -row.difference)
    ]
    whole = (
        [
            Difference(
                _("All together"), overall.difference, overall.low, overall.high, overall.is_beyond_chance
            )
        ]
        if overall
        else []
    )
    return differences(whole + rows, title=_("Where the open vote and the sample differ most, in marks"))


def draws_workbook(season: Season, round: Round) -> HttpResponse:
    """What everybody needs to draw again, once the round is closed."""
    key = season_key(season)
    table = Table(
        _("The draw"),
        [
            _("Number"),
            _("Neighbourhood"),
            _("Households"),
            _("drawn"),
            _("Seed"),
            _("Fingerprint of the seed"),
        ],
        [
            (
                number,
                sample.enrolment.organisation.name,
                sample.households,
                sample.size,
                revealed_seed(sample, round, key),
                sample.seed_sha256,
            )
            for number, sample in sorted(samples_of(season).items())
        ],
    )
    return xlsx_response(f"{season.title}-{_('The draw')}.xlsx", [table])


@never_cache
@permission_required("ballots.visit_sample", raise_exception=True)
def visiting_list(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """The doors to visit, to print and tick off. They are shown on a press of the button only, which is logged."""
    season = seasons_visible_to(request.user).first()
    reached = enrolments_run_by_office(request.user, season) if season else Enrolment.objects.none()
    enrolment = get_object_or_404(reached, post__organisation__code=organisation_code)
    context: dict[str, object] = {"enrolment": enrolment}
    if request.method == "POST":
        try:
            context["doors"] = open_visiting_list(enrolment, by=request.user)
        except Refused as refusal:
            context["blockers"] = refusal.blockers
    return render(request, "ballots/visiting_list.html", context)
