"""What the demo shows of avoidance and of signatures: somebody kept apart on each ground, institutions signed and not."""

import datetime

import numpy as np

from dongliang.cli import liangzhou
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Tenure, TenureKind
from dongliang.review.avoidance import avoidance_matrix
from dongliang.review.conflicts import decide_conflict, declare_conflict
from dongliang.review.reminding import remind_assessor
from dongliang.review.returns import sign_sheets
from dongliang.review.signatures import contents_fingerprint, institutions_of, signing_blockers
from dongliang.seasons.models import Enrolment, Season

DECLARED = (
    ("studio", "同为海棠工作室成员，每月一起备课。", True),
    ("family", "爱人的表妹，逢年过节走动。", True),
    ("work", "同一幢楼办公多年，来往较多。", None),
    ("other", "二十年前的党校同学。", False),
)


def keep_apart(season: Season, *, by: Account) -> None:
    """Let one mentor have handed a post over to a secretary, and four conflicts be declared between others.

    Coaching and subdistricts keep people apart as it is. Only secretaries who can spare a mentor are touched.
    """
    spare = spare_pairs(season)
    # A post of which nobody else is on record before.
    succeeded = set(Tenure.objects.exclude(ends_on=None).values_list("post", flat=True))
    predecessor, successor = next(pair for pair in spare if pair[1].post_id not in succeeded)
    pairs = (pair for pair in spare if pair[1] != successor)
    since = successor.post.tenures.get(person=successor.person, ends_on=None).starts_on
    Tenure.objects.create(
        post=successor.post,
        person=predecessor.person,
        kind=TenureKind.REELECTED,
        starts_on=datetime.date(2003, 9, 1),
        ends_on=since - datetime.timedelta(days=1),
    )
    for (ground, reason, confirmed), (mentor, secretary) in zip(DECLARED, pairs, strict=False):
        conflict = declare_conflict(mentor, secretary, ground=ground, reason=reason, by=by)
        if confirmed is not None:
            decision = "" if confirmed else "多年前的同学，不影响评估。"
            decide_conflict(conflict, confirm=confirmed, decision=decision, by=by)


def spare_pairs(season: Season) -> list[tuple[Mentor, Enrolment]]:
    """A mentor for each secretary who has more to choose from than the rule book asks for; each mentor as seldom as may be."""
    matrix = avoidance_matrix(season)
    avoid = np.array(matrix.avoid, dtype=bool)
    roomy = np.flatnonzero((~avoid).sum(axis=0) > season.rules.field.assessors_each)
    found = []
    for place, column in enumerate(roomy.tolist()):
        free = np.flatnonzero(~avoid[:, column])
        found.append((matrix.mentors[int(free[place % len(free)])], matrix.enrolments[column]))
    return found


def sign_institutions(season: Season) -> None:
    """Every institution that has sent everything signs, but for the last, which is left to whoever looks around."""
    if not season.rules.asks_for_signatures:
        return
    complete = [entry for entry in institutions_of(season) if not signing_blockers(season, entry)]
    names = liangzhou.names(np.random.default_rng(season.rules.scoring.seed))
    for institution in complete[:-1]:
        signer, _gender = next(names)
        shown = contents_fingerprint(season, institution)
        sign_sheets(season, institution, signer=signer, shown=shown, by=None)


def remind_first_mentor(season: Season, *, by: Account) -> None:
    remind_assessor(season, season.mentors.select_related("person")[0], by=by)
