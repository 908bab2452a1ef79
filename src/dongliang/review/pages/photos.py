"""The photos of a sheet: for its assessor, and for the office once the marks are open to it too."""

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.review.actions import remove_photo
from dongliang.review.models import Photo
from dongliang.review.queries import assignments_visible_to
from dongliang.seasons.models import Phase


def photo_for(request: HttpRequest, key: uuid.UUID) -> Photo:
    photo = get_object_or_404(Photo.objects.select_related("assignment__season"), key=key)
    season = photo.assignment.season
    visible = assignments_visible_to(request.user, season).filter(pk=photo.assignment_id).exists()
    own = request.user.has_perm("review.fill_sheet", photo.assignment)
    if not visible or not (own or season.phase == Phase.CLOSED):
        raise Http404
    return photo


def photo(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    found = photo_for(request, key)
    answer = HttpResponse(bytes(found.image.jpeg), content_type="image/jpeg")
    answer["Cache-Control"] = "no-store"
    answer["Content-Disposition"] = f'inline; filename="{found.key}.jpg"'
    return answer


@require_POST
def remove(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    found = photo_for(request, key)
    if not request.user.has_perm("review.fill_sheet", found.assignment):
        raise PermissionDenied
    try:
        remove_photo(found, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The photo is deleted."))
    return redirect("review:sheet", found.assignment_id)
