"""Steps on the growth path. Each has its evidence; what the rule book says takes two is proposed by one and decided by another."""

import datetime
from collections.abc import Iterable

from django.db import transaction
from django.utils.timezone import localdate, now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.growth.models import Move, Opinion, Path
from dongliang.growth.queries.path import (
    checks_for,
    decision_blockers,
    evidence_blockers,
    stages_of,
    step_blockers,
    takes_two,
    target_of,
    unknown_stage,
)
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment

Kind = Move.Kind


@transaction.atomic
def begin_paths(
    enrolments: Iterable[Enrolment], *, evidence: str, by: Account | None, stage: str = ""
) -> list[Path]:
    """Put people on the path: at its first stage, or at one they reached before it was kept here.

    Those who are on it stay where they are. Raises Refused.
    """
    if blockers := evidence_blockers(evidence):
        raise Refused(blockers)
    begun = []
    for enrolment in enrolments:
        stages = [key for key, _name in stages_of(enrolment.season.rules)]
        if stage and stage not in stages:
            raise Refused(unknown_stage(stage))
        first = stage or stages[0]
        path, made = Path.objects.get_or_create(
            person=enrolment.person,
            defaults={"district": enrolment.season.district, "stage": first, "since": localdate()},
        )
        if made:
            moment = now()
            Move.objects.create(
                path=path,
                kind=Kind.BEGINNING,
                state=Move.State.GRANTED,
                from_stage="",
                to_stage=first,
                evidence=evidence.strip(),
                proposed_by=by,
                proposed_at=moment,
                decided_by=by,
                decided_at=moment,
            )
            log_action("growth.path.begun", path, by=by, stage=first)
            begun.append(path)
    return begun


@transaction.atomic
def propose_step(
    enrolment: Enrolment, kind: str, *, evidence: str, by: Account | None, to_stage: str | None = None
) -> Move:
    """Take a step, or propose it where it takes two. Raises Refused, naming every gate that is not met."""
    path = Path.objects.select_for_update().get(person=enrolment.person)
    rules = enrolment.season.rules
    target = to_stage if kind == Kind.RETURN else target_of(kind, path, rules)
    if blockers := step_blockers(enrolment, path, kind, target) + evidence_blockers(evidence):
        raise Refused(blockers)
    # What a return gives up was reached by two, where the stage given up says so.
    settled_by_two = takes_two(rules, kind, path.stage if kind == Kind.RETURN else target or "")
    move = Move.objects.create(
        path=path,
        kind=kind,
        from_stage=path.stage,
        to_stage=target or "",
        evidence=evidence.strip(),
        gates=[check.as_json() for check in gates_checked(enrolment, kind, target)],
        proposed_by=by,
        proposed_at=now(),
    )
    log_action("growth.step.proposed", move, by=by, kind=kind, to_stage=move.to_stage)
    return move if settled_by_two else settle(move, path, by=by)


def gates_checked(enrolment: Enrolment, kind: str, target: str | None) -> list:
    return checks_for(enrolment, target) if target and kind in (Kind.PROMOTION, Kind.STAR) else []


@transaction.atomic
def decide_step(move: Move, enrolment: Enrolment, *, grant: bool, reason: str, by: Account | None) -> Move:
    """Grant or decline what another person proposed. The gates are looked at again. Raises Refused."""
    path = Path.objects.select_for_update().get(pk=move.path_id)
    move = Move.objects.get(pk=move.pk)
    if blockers := decision_blockers(move, by):
        raise Refused(blockers)
    if not grant:
        move.state, move.decided_by, move.decided_at = Move.State.DECLINED, by, now()
        move.reason = reason.strip()
        move.save(update_fields=["state", "decided_by", "decided_at", "reason"])
        log_action("growth.step.declined", move, by=by, reason=move.reason)
        return move
    checked = gates_checked(enrolment, move.kind, move.to_stage)
    if missing := [check.as_blocker() for check in checked if not check.met]:
        raise Refused(missing)
    move.gates, move.reason = [check.as_json() for check in checked], reason.strip()
    return settle(move, path, by=by)


def settle(move: Move, path: Path, *, by: Account | None) -> Move:
    """Let a step take effect."""
    today = localdate()
    if move.kind in (Kind.PROMOTION, Kind.RETURN):
        path.stage, path.since = move.to_stage, today
    elif move.kind == Kind.PAUSE:
        path.paused_on = today
    elif move.kind == Kind.RESUMPTION:
        path.paused_on = None
    elif move.kind == Kind.STAR:
        path.star_since = today
    elif move.kind == Kind.STAR_ENDED:
        path.star_since = None
    path.save(update_fields=["stage", "since", "paused_on", "star_since"])
    move.state, move.decided_by, move.decided_at = Move.State.GRANTED, by, now()
    move.save(update_fields=["state", "decided_by", "decided_at", "gates", "reason"])
    log_action("growth.step.granted", move, by=by, kind=move.kind, to_stage=move.to_stage)
    return move


@transaction.atomic
def give_opinion(
    path: Path,
    *,
    source: str,
    stage: str,
    in_favour: bool,
    text: str,
    by: Account | None,
    met_on: datetime.date | None = None,
) -> Opinion:
    """Note what a mentor, or the committee, says about a step. The latest counts; earlier ones stay to be read."""
    if blockers := evidence_blockers(text):
        raise Refused(blockers)
    opinion = Opinion.objects.create(
        path=path,
        source=source,
        stage=stage,
        in_favour=in_favour,
        met_on=met_on,
        text=text.strip(),
        by=by,
        at=now(),
    )
    log_action("growth.opinion.given", path, by=by, source=source, stage=stage, in_favour=in_favour)
    return opinion
