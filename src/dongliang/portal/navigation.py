"""The main navigation: to each role the places where its work is."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Template context: ``navigation`` and, for the page's home link, nothing else."""
    account = getattr(request, "user", None)
    places = places_for(account) if account and account.is_authenticated else public_places()
    here = request.path
    best = max((url for _label, url in places if here.startswith(url)), key=len, default=None)
    return {"navigation": [{"label": label, "url": url, "current": url == best} for label, url in places]}


def public_places() -> list[tuple[str, str]]:
    return [
        (_("Honour roll"), reverse("portal:honours")),
        (_("Advisers"), reverse("turnover:advisers")),
        (_("Rules"), reverse("portal:rules")),
        (_("Residents rate"), reverse("ballots:enter")),
    ]


def places_for(account: Account) -> list[tuple[str, str]]:
    office, street = is_office(account), has_role(account, Role.SUBDISTRICT_OFFICE)
    fills_sheets = has_role(account, Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT, Role.MENTOR)
    only_department = has_role(account, Role.DEPARTMENT) and not office
    is_secretary = has_role(account, Role.SECRETARY) and not office and not street
    shown = [
        (office or street, _("Overview"), "portal:desk"),
        (office or street or has_role(account, Role.MENTOR), _("Secretaries"), "portal:secretaries"),
        (has_role(account, Role.SECRETARY), _("My page"), "portal:my_page"),
        (not only_department, _("First things"), "projects:list"),
        (not only_department, _("Training"), "growth:training"),
        (not only_department, _("Growth path"), "growth:mine" if is_secretary else "growth:people"),
        (not only_department, _("Pairs"), "mentoring:pairs"),
        (account.has_perm("turnover.see_handovers"), _("Handovers"), "turnover:handovers"),
        (fills_sheets, _("My sheets"), "review:sheets"),
        (office, pgettext("navigation", "Assessment"), "review:board"),
        (office or street, pgettext("navigation", "Ballots"), "ballots:rounds"),
        (office, pgettext("navigation", "Scoring"), "scoring:runs"),
        (office, pgettext("navigation", "Lists"), "awards:lists"),
        (
            office or has_role(account, Role.MENTOR),
            pgettext("navigation", "Feedback"),
            "awards:feedback_list",
        ),
        (account.has_perm("years.see_years"), pgettext("navigation", "Years"), "years:home"),
        (office, _("Roster"), "mentoring:roster"),
        (office, _("Accounts"), "people:accounts"),
        (True, _("Rules"), "portal:rules"),
    ]
    return [(label, reverse(name)) for allowed, label, name in shown if allowed]
