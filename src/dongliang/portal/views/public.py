"""What anybody may read."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from dongliang.awards.models import HonourList
from dongliang.awards.queries.lists import honoured_season, honours, published_lists
from dongliang.portal.queries import by_subdistrict
from dongliang.scoring.models import ResultBook
from dongliang.seasons.models import Season
from dongliang.seasons.queries import current_season, seasons_visible_to

A_YEAR = 365 * 24 * 3600


@login_not_required
def front(request: HttpRequest) -> HttpResponse:
    season = current_season()
    lists = list(published_lists(season)) if season else []
    return render(
        request,
        "portal/front.html",
        {
            "season": season,
            "lists": lists,
            "rounds_open": season is not None and season.rounds.filter(state="open").exists(),
        },
    )


@login_not_required
def honour_roll(request: HttpRequest) -> HttpResponse:
    """The newest lists that are public; names stand by subdistrict, so that the roll is no ranking."""
    season = honoured_season() or current_season()
    lists = [(entry, by_subdistrict(honours(entry))) for entry in published_lists(season)] if season else []
    books = ResultBook.objects.filter(run__in={entry.run_id for entry, _groups in lists}).order_by(
        "run__number"
    )
    return render(
        request,
        "portal/honours.html",
        {"season": season, "lists": lists, "books": books, "command": "dongliang verify"},
    )


@login_not_required
def result_book(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The book behind published lists: SHA-256 over the ``book.json`` in it is the fingerprint on the roll."""
    lists = HonourList.objects.filter(season__slug=slug, run__number=number, published_at__isnull=False)
    book = get_object_or_404(ResultBook, run__in=lists.values("run"))
    response = HttpResponse(bytes(book.content), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{slug}-result-book-{number}.zip"'
    return response


@login_not_required
def rule_book(request: HttpRequest) -> HttpResponse:
    """The rules of the newest season, for everyone to read; to who is signed in, of the own district's."""
    account = request.user
    season = (seasons_visible_to(account).first() if account.is_authenticated else None) or current_season()
    return render(
        request,
        "portal/rules.html",
        {
            "season": season,
            "book": season.rule_book if season else None,
            "rules": season.rules if season else None,
            "can_revise": season is not None and request.user.has_perm("seasons.run_season", season),
        },
    )


@login_not_required
def rule_book_file(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """One version as canonical JSON: SHA-256 over these very bytes is its fingerprint."""
    season = get_object_or_404(Season, slug=slug)
    book = get_object_or_404(season.rule_books, version=version)
    response = HttpResponse(book.validated.as_json(), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{slug}-rules-v{version}.json"'
    return response


@csrf_exempt
@login_not_required
@require_POST
def type_size(request: HttpRequest) -> HttpResponse:
    """Remember large or normal type in a cookie, and go back."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    size = "large" if request.POST.get("size") == "large" else "normal"
    response.set_cookie("type_size", size, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    return response


@login_not_required
def style_guide(request: HttpRequest) -> HttpResponse:
    """Every component once, to look at; mapped in debug mode only."""
    return render(request, "common/style_guide.html")
