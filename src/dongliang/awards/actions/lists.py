import json

from django.db import transaction
from django.utils.timezone import now

from dongliang.awards.calendar import today, working_day_after
from dongliang.awards.models import Honour, HonourList
from dongliang.awards.queries.lists import drawing_blockers, drawn_again
from dongliang.awards.queries.publicity import announcing_blockers
from dongliang.ballots.actions.integrity import end_search
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.scoring.actions import bind_book
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Season


@transaction.atomic
def draw_lists(run: ScoringRun, *, by: Account | None) -> list[HonourList]:
    """Draw the three lists from ``run``, in place of lists drawn before and not yet published. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=run.season_id)
    if blockers := drawing_blockers(run):
        raise Refused(blockers)
    season.honour_lists.all().delete()
    drawn = json.loads(run.result)["lists"]
    numbers = {
        HonourList.Kind.BEST_SECRETARIES: drawn["best_secretaries"],
        HonourList.Kind.POPULAR_PROJECTS: drawn["popular_projects"],
        HonourList.Kind.SUREST_THINGS: [entry["number"] for entry in drawn["surest_things"]],
    }
    enrolments = {enrolment.number: enrolment for enrolment in season.enrolments.all()}
    projects = {
        project.enrolment.number: project
        for project in FirstThing.objects.filter(enrolment__season=season).select_related("enrolment")
    }
    lists = []
    for kind, members in numbers.items():
        honour_list = season.honour_lists.create(kind=kind, run=run)
        Honour.objects.bulk_create(
            Honour(
                honour_list=honour_list,
                position=position,
                enrolment=enrolments[number],
                project=None if kind == HonourList.Kind.BEST_SECRETARIES else projects[number],
            )
            for position, number in enumerate(members, start=1)
        )
        log_action(
            "awards.list.drawn",
            honour_list,
            by=by,
            run=run.number,
            result=run.result_sha256,
            names=len(members),
        )
        lists.append(honour_list)
    return lists


@transaction.atomic
def publish_list(honour_list: HonourList, *, by: Account | None) -> HonourList:
    """Put the list on the public honour roll, with the book to recompute it from, open to objections.

    With the first list no ballot is excluded any more. Raises Refused, naming every blocker.
    """
    # The season is locked, as drawing locks it: a list that is being published is not drawn again meanwhile.
    season = Season.objects.select_for_update().get(pk=honour_list.season_id)
    found = season.honour_lists.filter(pk=honour_list.pk).first()
    if found is None:
        raise Refused(drawn_again())
    honour_list = found
    if blockers := announcing_blockers(honour_list):
        raise Refused(blockers)
    end_search(season, by=by)
    days = honour_list.run.rule_book.validated.publicity.working_days
    bind_book(honour_list.run, by=by)
    honour_list.published_at, honour_list.published_by = now(), by
    honour_list.objections_until = working_day_after(today(), days)
    honour_list.save(update_fields=["published_at", "published_by", "objections_until"])
    log_action(
        "awards.list.published",
        honour_list,
        by=by,
        result=honour_list.run.result_sha256,
        objections_until=honour_list.objections_until.isoformat(),
    )
    return honour_list
