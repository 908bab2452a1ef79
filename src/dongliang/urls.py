from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from dongliang.portal.views import public

urlpatterns = [
    path("", include("dongliang.portal.urls")),
    path("", include("dongliang.people.urls")),
    path("", include("dongliang.mentoring.urls")),
    path("", include("dongliang.projects.urls")),
    path("", include("dongliang.growth.urls")),
    path("", include("dongliang.turnover.urls")),
    path("", include("dongliang.review.urls")),
    path("", include("dongliang.ballots.urls")),
    path("", include("dongliang.scoring.urls")),
    path("", include("dongliang.awards.urls")),
    path("years/", include("dongliang.years.urls")),
    # Without a namespace: the page frame of the lowest app links to these two by name. Without a CSRF check: residents'
    # pages send no referrer, which that check asks for, and all that could be forged is a language or a type size.
    path("type-size/", public.type_size, name="type_size"),
    path("language/", csrf_exempt(login_not_required(set_language)), name="set_language"),
]

if settings.DEBUG:
    urlpatterns.append(path("style/", public.style_guide))
