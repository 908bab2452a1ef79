from django.db import transaction

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account, Organisation
from dongliang.projects.models import FirstThing, Nomination
from dongliang.projects.queries import (
    closed_blockers,
    content_blockers,
    nomination_blockers,
    registration_blockers,
    state_blockers,
)
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def register_first_thing(
    enrolment: Enrolment, *, category: str, title: str, summary: str = "", by: Account | None
) -> FirstThing:
    """Put down what a secretary sets out to get done. Raises Refused, naming every blocker."""
    season = Season.objects.select_for_update().get(pk=enrolment.season_id)
    title, summary = title.strip(), summary.strip()
    blockers = registration_blockers(season, enrolment)
    if blockers := blockers + content_blockers(season.rules, category, title, summary):
        raise Refused(blockers)
    project = FirstThing.objects.create(enrolment=enrolment, category=category, title=title, summary=summary)
    log_action("projects.first_thing.registered", project, by=by, category=category)
    return project


@transaction.atomic
def change_first_thing(
    project: FirstThing, *, category: str, title: str, summary: str, by: Account | None
) -> FirstThing:
    """Put other words to a first thing. Raises Refused, naming every blocker."""
    season, project = locked(project)
    title, summary = title.strip(), summary.strip()
    if blockers := closed_blockers(season) + content_blockers(season.rules, category, title, summary):
        raise Refused(blockers)
    before = project.title
    project.category, project.title, project.summary = category, title, summary
    project.save(update_fields=["category", "title", "summary"])
    log_action("projects.first_thing.changed", project, by=by, category=category, title_before=before)
    return project


@transaction.atomic
def set_state(project: FirstThing, state: str, *, by: Account | None) -> FirstThing:
    """Take a first thing one step on, or one step back. A second press changes nothing. Raises Refused."""
    season, project = locked(project)
    if project.state == state:
        return project
    if blockers := state_blockers(season, project, state):
        raise Refused(blockers)
    before, project.state = project.state, state
    project.save(update_fields=["state"])
    log_action("projects.first_thing.state_set", project, by=by, before=before, after=state)
    return project


@transaction.atomic
def nominate(
    season: Season, subdistrict: Organisation, project: FirstThing, *, by: Account | None
) -> Nomination:
    """Put ``project`` on stage for ``subdistrict``, in place of the one nominated before. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := nomination_blockers(season, subdistrict, project):
        raise Refused(blockers)
    nomination, _made = Nomination.objects.update_or_create(
        season=season, subdistrict=subdistrict, defaults={"project": project, "nominated_by": by}
    )
    log_action("projects.nomination.made", nomination, by=by)
    return nomination


def locked(project: FirstThing) -> tuple[Season, FirstThing]:
    """The season, so that it cannot close meanwhile, and the first thing as it stands now."""
    season = Season.objects.select_for_update().get(enrolments__first_thing=project)
    return season, FirstThing.objects.get(pk=project.pk)
