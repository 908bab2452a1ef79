import re

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import current_tenures, organisations_reached, subdistricts_of
from dongliang.seasons.models import Enrolment, Phase, Season


def current_season() -> Season | None:
    """The season pages are about when they do not say otherwise: the newest."""
    return Season.objects.select_related("district").first()


def enrolments(season: Season) -> QuerySet[Enrolment]:
    return season.enrolments.select_related("person", "post__organisation__parent", "season")


def seasons_visible_to(account: Account) -> QuerySet[Season]:
    """The seasons of the districts where the account holds any role, or below which it does."""
    reached = organisations_reached(account, *Role.values)
    districts = {
        pk
        for ancestry in reached.filter(grants__account=account).values_list("pk", "parent", "parent__parent")
        for pk in ancestry
        if pk
    }
    if account.is_superuser:
        return Season.objects.all()
    return Season.objects.filter(district__in=districts)


def creation_blockers(district: Organisation, slug: str) -> list[Blocker]:
    """Every reason why the district cannot begin a season of that short name."""
    found = []
    # It stands in addresses, and names the file of the ballot key.
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", slug):
        found.append(
            Blocker(
                "season.slug",
                _("'%(slug)s' cannot be a season's short name.") % {"slug": slug},
                _("Use up to 40 small letters, digits and hyphens, such as liangzhou-2022."),
            )
        )
    if Season.objects.filter(slug=slug).exists():
        found.append(
            Blocker(
                "season.slug_taken",
                _("There is a season called '%(slug)s' already.") % {"slug": slug},
                _("Choose another short name."),
            )
        )
    # Pages are about a district's newest season: nobody would find the sheets of this one any more.
    if still_open := Season.objects.filter(district=district, phase=Phase.OPEN).first():
        found.append(
            Blocker(
                "season.open_already",
                _("%(season)s is open.") % {"season": still_open},
                _("Close it, then begin another one."),
            )
        )
    return found


def freeze_blockers(season: Season) -> list[Blocker]:
    """Every reason why the newest rule book cannot be frozen."""
    if season.rule_book.frozen_at:
        return [
            Blocker(
                "rulebook.frozen",
                _("Version %(version)d of the rule book is frozen already.")
                % {"version": season.rule_book.version},
                _("To change it, make a new version and give the reason."),
            )
        ]
    return []


def opening_blockers(season: Season) -> list[Blocker]:
    """Every reason why the season cannot open."""
    found = []
    if season.phase != Phase.PREPARING:
        found.append(
            Blocker(
                "season.not_preparing",
                _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
                _("Only a season in preparation can be opened."),
            )
        )
    if not season.rule_book.frozen_at:
        found.append(
            Blocker(
                "rulebook.not_frozen",
                _("The rule book is not frozen."),
                _("Freeze it, then open the season."),
            )
        )
    programme = season.rules.programme
    secretaries = current_tenures(season.district).count()
    if secretaries != programme.secretaries:
        found.append(
            Blocker(
                "season.secretaries",
                _("The roster has %(seen)d secretaries; the rule book says %(due)d.")
                % {"seen": secretaries, "due": programme.secretaries},
                _("Import the complete roster, or set programme.secretaries in the rule book."),
            )
        )
    subdistricts = subdistricts_of(season.district).count()
    if subdistricts != programme.subdistricts:
        found.append(
            Blocker(
                "season.subdistricts",
                _("The district has %(seen)d subdistricts and towns; the rule book says %(due)d.")
                % {"seen": subdistricts, "due": programme.subdistricts},
                _("Import the complete roster, or set programme.subdistricts in the rule book."),
            )
        )
    return found


def closing_blockers(season: Season) -> list[Blocker]:
    """Every reason why the season cannot close."""
    if season.phase == Phase.OPEN:
        return []
    return [
        Blocker(
            "season.not_open",
            _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
            _("Only an open season can be closed."),
        )
    ]


def revision_blockers(season: Season, reason: str) -> list[Blocker]:
    """Every reason why the rule book cannot be changed, or be changed without giving one."""
    if season.phase != Phase.PREPARING:
        return [
            Blocker(
                "season.not_preparing",
                _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
                _("Its rules were frozen before it opened, and stay as they are."),
            )
        ]
    if season.rule_book.frozen_at and not reason.strip():
        return [
            Blocker(
                "rulebook.no_reason",
                _("Version %(version)d of the rule book is frozen.") % {"version": season.rule_book.version},
                _("A new version needs a reason: write why the rules change."),
            )
        ]
    return []
