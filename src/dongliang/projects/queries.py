"""First things: who may read them, who has none yet, and what stands against changing one."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.refusals import Blocker
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Account, Organisation
from dongliang.projects.models import SUMMARY_LENGTH, TITLE_LENGTH, FirstThing, Nomination
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent

# The way of a first thing; it goes one step at a time.
WAY = list(FirstThing.State)
MISSING = "missing"


def first_things_visible_to(account: Account, season: Season) -> QuerySet[FirstThing]:
    """The first things of the secretaries whose records the account may read."""
    return FirstThing.objects.filter(enrolment__in=enrolments_visible_to(account, season)).select_related(
        "enrolment__person", "enrolment__post__organisation__parent", "enrolment__season"
    )


def with_first_things(secretaries: QuerySet[Enrolment]) -> QuerySet[Enrolment]:
    """Secretaries with the first thing each has, if any, and whether it is ``nominated``."""
    nominations = Nomination.objects.filter(project__enrolment=OuterRef("pk"))
    return secretaries.select_related("first_thing").annotate(nominated=Exists(nominations))


def matching(
    secretaries: QuerySet[Enrolment],
    *,
    search: str = "",
    category: str = "",
    subdistrict: Organisation | None = None,
    state: str = "",
) -> QuerySet[Enrolment]:
    """The rows that a filter bar asks for; ``state`` may be MISSING, for those without a first thing."""
    if search:
        secretaries = secretaries.filter(
            Q(first_thing__title__icontains=search)
            | Q(person__name__icontains=search)
            | Q(post__organisation__name__icontains=search)
        )
    if category:
        secretaries = secretaries.filter(first_thing__category=category)
    if subdistrict:
        secretaries = secretaries.filter(post__organisation__parent=subdistrict)
    if state == MISSING:
        secretaries = secretaries.filter(first_thing=None)
    elif state:
        secretaries = secretaries.filter(first_thing__state=state)
    return secretaries


def projects_late(season: Season) -> QuerySet[Enrolment]:
    """The secretaries who have not registered a first thing."""
    return enrolments(season).filter(first_thing=None)


def category_names(rules: RuleBookContent) -> dict[str, str]:
    return {category.key: str(category.name) for category in rules.categories}


def closed_blockers(season: Season) -> list[Blocker]:
    if season.phase != Phase.CLOSED:
        return []
    return [
        Blocker(
            "season.closed",
            _("The season is closed."),
            _("First things and nominations stay as they were when it closed."),
        )
    ]


def registration_blockers(season: Season, enrolment: Enrolment) -> list[Blocker]:
    """Every reason why ``enrolment`` cannot register a first thing now."""
    found = closed_blockers(season)
    if FirstThing.objects.filter(enrolment=enrolment).exists():
        found.append(
            Blocker(
                "project.registered",
                _("%(secretary)s has registered a first thing.") % {"secretary": enrolment},
                _("There is one a season: change that one."),
            )
        )
    return found


def content_blockers(rules: RuleBookContent, category: str, title: str, summary: str) -> list[Blocker]:
    """Every reason why these words do not make a first thing."""
    found = []
    names = category_names(rules)
    if category not in names:
        found.append(
            Blocker(
                "project.category",
                _("The rule book has no category '%(category)s'.") % {"category": category},
                _("Use one of: %(names)s.")
                % {"names": ", ".join(f"{key} ({name})" for key, name in names.items())},
            )
        )
    if not 1 <= len(title) <= TITLE_LENGTH:
        found.append(
            Blocker(
                "project.title",
                _("The title has %(seen)d characters.") % {"seen": len(title)},
                _("Write 1 to %(most)d.") % {"most": TITLE_LENGTH},
            )
        )
    if len(summary) > SUMMARY_LENGTH:
        found.append(
            Blocker(
                "project.summary",
                _("What is to change for residents takes %(seen)d characters.") % {"seen": len(summary)},
                _("Write at most %(most)d.") % {"most": SUMMARY_LENGTH},
            )
        )
    return found


def steps_from(state: str) -> list[FirstThing.State]:
    """The states one step back and one step forward."""
    here = WAY.index(FirstThing.State(state))
    return [WAY[there] for there in (here - 1, here + 1) if 0 <= there < len(WAY)]


def state_blockers(season: Season, project: FirstThing, state: str) -> list[Blocker]:
    """Every reason why the first thing cannot go to ``state`` now."""
    found = closed_blockers(season)
    steps = steps_from(project.state)
    if state not in steps:
        found.append(
            Blocker(
                "project.state",
                _("'%(title)s' is %(state)s.") % {"title": project, "state": project.get_state_display()},
                _("It goes one step at a time: %(steps)s.")
                % {"steps": pgettext("between states", " or ").join(str(step.label) for step in steps)},
            )
        )
    return found


def nomination_blockers(season: Season, subdistrict: Organisation, project: FirstThing) -> list[Blocker]:
    """Every reason why ``subdistrict`` cannot put ``project`` on stage."""
    found = closed_blockers(season)
    if (project.enrolment.season_id, project.enrolment.subdistrict.pk) != (season.pk, subdistrict.pk):
        found.append(
            Blocker(
                "nomination.elsewhere",
                _("'%(title)s' belongs to %(owner)s, not to %(subdistrict)s.")
                % {"title": project, "owner": project.enrolment.subdistrict, "subdistrict": subdistrict},
                _("Nominate one of the subdistrict's own first things of this season."),
            )
        )
    return found
