"""What anybody may ask of ballots: what became of one, by its receipt, and what was published of all."""

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from dongliang.ballots.actions.publishing import archive_of
from dongliang.ballots.calendar import dates_of
from dongliang.ballots.forms import ReceiptForm
from dongliang.ballots.models import Statement
from dongliang.ballots.queries.days import all_moved_ends
from dongliang.ballots.queries.proof import published_statements
from dongliang.ballots.queries.residents import receipt_status
from dongliang.ballots.views.unsigned import for_residents, page

# A receipt as it looks; nobody's.
EXAMPLE = "8WQ2M-4KX7P"


@for_residents
def receipt(request: HttpRequest) -> HttpResponse:
    """What became of a vote: counted, replaced, excluded and why, or not known. Never what it said."""
    form = ReceiptForm(request.GET or None)
    found = receipt_status(form.cleaned_data["receipt"]) if form.is_valid() else None
    context = {"asked": form.is_valid(), "found": found}
    return page(request, "ballots/receipt.html", {"form": form, **context})


@login_not_required
@require_safe
def proof(request: HttpRequest) -> HttpResponse:
    """Every season's statements: their fingerprints, what they count, and how to check them."""
    seasons: dict[int, list[Statement]] = {}
    for statement in published_statements():
        seasons.setdefault(statement.season_id, []).append(statement)
    moved = all_moved_ends()
    shown = [
        (last, earlier, dates_of(last.season), moved.get(last.season, []))
        for last, *earlier in seasons.values()
    ]
    moving = [(season, ends) for season, ends in moved.items() if season.pk not in seasons]
    slug, version = (shown[0][0].season.slug, shown[0][0].version) if shown else ("season", 1)
    command = f"dongliang ballots verify {slug}-{version}.zip --receipt {EXAMPLE}"
    return render(request, "ballots/proof.html", {"shown": shown, "moving": moving, "command": command})


@login_not_required
@require_safe
def archive(request: HttpRequest, slug: str, version: int) -> FileResponse:
    """Everything published of a season up to a statement, as one file."""
    statement = get_object_or_404(
        Statement.objects.select_related("season"), season__slug=slug, version=version
    )
    return FileResponse(
        archive_of(statement).open("rb"),
        as_attachment=True,
        filename=f"{slug}-{version}.zip",
        content_type="application/zip",
    )
