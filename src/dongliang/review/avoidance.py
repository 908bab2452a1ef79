"""Who must not assess whom, and why: a sentence for each reason (回避)."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Mentor, Pair, Studio
from dongliang.mentoring.queries.studios import studio_mates
from dongliang.people.models import Account, Role, Tenure
from dongliang.people.queries import has_role, organisations_reached
from dongliang.review.models import Conflict
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent

Persons = tuple[int, int]


@dataclass(frozen=True)
class Succession:
    """Two people who held one post, the one after the other."""

    post: str
    earlier: int
    handed_over: datetime.date


@dataclass(frozen=True)
class Ties:
    """What is known between mentors and secretaries, read once for all that are asked about.

    ``coached`` and ``followed`` are keyed by the persons, mentor first, and reach back over every season;
    ``declared`` by mentor and enrolment; ``studios`` by mentor and person, of the mentor's own season.
    """

    coached: Mapping[Persons, Pair]
    followed: Mapping[Persons, Succession]
    declared: Mapping[tuple[int, int], Conflict]
    studios: Mapping[tuple[int, int], Studio]


def ties_of(mentors: Iterable[Mentor]) -> Ties:
    """Everything that may stand between these mentors and anybody: in six queries, however many they are."""
    mentors = list(mentors)
    people = {mentor.person_id for mentor in mentors}
    pairs = Pair.objects.filter(mentor__person__in=people).select_related("mentor", "mentee")
    conflicts = Conflict.objects.filter(
        mentor__in=[mentor.pk for mentor in mentors], state=Conflict.State.CONFIRMED
    )
    return Ties(
        # The one that lasts, or else ended last, is what the sentence tells of.
        coached={
            (pair.mentor.person_id, pair.mentee.person_id): pair
            for pair in sorted(pairs, key=lambda pair: pair.ends_on or datetime.date.max)
        },
        followed=_successions(people),
        declared={(conflict.mentor_id, conflict.enrolment_id): conflict for conflict in conflicts},
        studios=studio_mates(mentors),
    )


def _successions(people: set[int]) -> dict[Persons, Succession]:
    """Who followed whom in a post, both ways round, where one of the two is among ``people``."""
    posts = Tenure.objects.filter(person__in=people).values("post")
    tenures = Tenure.objects.filter(post__in=posts).select_related("post__organisation")
    found: dict[Persons, Succession] = {}
    ordered = tenures.order_by("post", "starts_on", "pk")
    for _post, held in groupby(ordered, key=lambda tenure: tenure.post_id):
        for before, after in pairwise(held):
            if before.person_id != after.person_id:
                handed_over = Succession(str(before.post), before.person_id, after.starts_on)
                found[before.person_id, after.person_id] = handed_over
                found[after.person_id, before.person_id] = handed_over
    return found


def grounds(mentor: Mentor, enrolment: Enrolment, rules: RuleBookContent, ties: Ties) -> list[str]:
    """The keys of the rule book's avoidance that hold between the two."""
    persons = mentor.person_id, enrolment.person_id
    declared = ties.declared.get((mentor.pk, enrolment.pk))
    declared_studio = declared is not None and declared.ground == Conflict.Ground.STUDIO
    held = {
        "self": mentor.person_id == enrolment.person_id,
        "own_mentee": persons in ties.coached,
        "own_studio": declared_studio or (mentor.pk, enrolment.person_id) in ties.studios,
        "same_subdistrict": mentor.home_id is not None and mentor.home_id == enrolment.subdistrict.pk,
        "succession": persons in ties.followed,
        "declared": declared is not None and not declared_studio,
    }
    return [key for key in rules.field.avoidance if held[key]]


def sentence(key: str, mentor: Mentor, enrolment: Enrolment, ties: Ties) -> str:
    """Why, in one sentence, for one of ``grounds``."""
    persons = mentor.person_id, enrolment.person_id
    names = {"mentor": mentor, "secretary": enrolment.person}
    if key == "own_mentee":
        return _mentee_sentence(ties.coached[persons], names)
    if key == "succession":
        return _succession_sentence(ties.followed[persons], mentor, names)
    if key == "own_studio" and (studio := ties.studios.get((mentor.pk, enrolment.person_id))):
        return _("%(mentor)s and %(secretary)s belong to the same studio, %(studio)s.") % {
            **names,
            "studio": studio,
        }
    if key in ("own_studio", "declared"):
        conflict = ties.declared[mentor.pk, enrolment.pk]
        return _(
            "%(mentor)s and %(secretary)s declared a conflict of interest, which the office confirmed: %(ground)s (%(reason)s)."
        ) % {**names, "ground": conflict.get_ground_display(), "reason": conflict.reason.rstrip("。.")}
    return {
        "self": _("%(mentor)s would assess herself or himself."),
        "same_subdistrict": _(
            "%(mentor)s and %(secretary)s belong to the same subdistrict, %(subdistrict)s."
        ),
    }[key] % {**names, "subdistrict": enrolment.subdistrict}


def _mentee_sentence(pair: Pair, names: Mapping[str, object]) -> str:
    if pair.ends_on is None:
        return _("%(mentor)s has coached %(secretary)s since %(since)s.") % {
            **names,
            "since": on_day(pair.starts_on),
        }
    return _("%(mentor)s coached %(secretary)s from %(since)s to %(until)s.") % {
        **names,
        "since": on_day(pair.starts_on),
        "until": on_day(pair.ends_on),
    }


def _succession_sentence(handed_over: Succession, mentor: Mentor, names: Mapping[str, object]) -> str:
    words = {**names, "post": handed_over.post, "day": on_day(handed_over.handed_over)}
    if handed_over.earlier == mentor.person_id:
        return _("%(secretary)s followed %(mentor)s as secretary of %(post)s on %(day)s.") % words
    return _("%(mentor)s followed %(secretary)s as secretary of %(post)s on %(day)s.") % words


def on_day(day: datetime.date) -> str:
    return date_format(day, "DATE_FORMAT")


def avoidance(
    mentor: Mentor,
    enrolment: Enrolment,
    rules: RuleBookContent,
    ties: Ties | None = None,
    waived: Iterable[str] = (),
) -> list[Blocker]:
    """Every reason of the rule book why ``mentor`` must not assess ``enrolment``.

    ``ties`` is what ``ties_of`` found; a caller with many to ask about reads it once. ``waived`` keys were set aside
    with a reason when the sheet was given out by hand.
    """
    ties = ties_of([mentor]) if ties is None else ties
    aside = set(waived)
    return [
        Blocker(
            f"avoidance.{key}",
            sentence(key, mentor, enrolment, ties),
            _("The rule book keeps the two apart: ask another mentor."),
        )
        for key in grounds(mentor, enrolment, rules, ties)
        if key not in aside
    ]


class AvoidanceMatrix(NamedTuple):
    """``avoid[m][e]``: whether mentor ``mentors[m]`` must not assess ``enrolments[e]``."""

    mentors: list[Mentor]
    enrolments: list[Enrolment]
    avoid: list[list[bool]]


def avoidance_matrix(season: Season) -> AvoidanceMatrix:
    """Every assessing mentor against every secretary of the season."""
    mentors = list(season.mentors.filter(assesses=True).select_related("person"))
    secretaries = list(enrolments(season))
    ties, rules = ties_of(mentors), season.rules
    avoid = [
        [bool(grounds(mentor, secretary, rules, ties)) for secretary in secretaries] for mentor in mentors
    ]
    return AvoidanceMatrix(mentors, secretaries, avoid)


@dataclass(frozen=True)
class Barred:
    """A mentor who must not assess a secretary, with every reason."""

    mentor: Mentor
    enrolment: Enrolment
    keys: list[str]
    sentences: list[str]


def barred_pairs(season: Season, mentors: Iterable[Mentor] | None = None) -> list[Barred]:
    """Everybody who must not assess somebody, by mentor and by secretary."""
    asked = (
        list(season.mentors.filter(assesses=True).select_related("person", "home"))
        if mentors is None
        else list(mentors)
    )
    secretaries = list(enrolments(season))
    ties, rules = ties_of(asked), season.rules
    found = []
    for mentor in asked:
        for secretary in secretaries:
            if keys := grounds(mentor, secretary, rules, ties):
                sentences = [sentence(key, mentor, secretary, ties) for key in keys]
                found.append(Barred(mentor, secretary, keys, sentences))
    return found


def ground_words() -> dict[str, str]:
    """What the keys of the rule book's avoidance are called on pages."""
    return {
        "self": _("oneself"),
        "own_mentee": _("own mentee"),
        "own_studio": _("own studio"),
        "same_subdistrict": _("same subdistrict"),
        "succession": _("predecessor or successor"),
        "declared": _("declared conflict"),
    }


# Declared conflicts


def conflicts_visible_to(account: Account, season: Season) -> QuerySet[Conflict]:
    """To the office all of its district; to a mentor or a secretary those of her own, whoever declared them."""
    found = season.conflicts.select_related(
        "mentor__person",
        "enrolment__person",
        "enrolment__post__organisation__parent",
        "declared_by",
        "decided_by",
    )
    if organisations_reached(account, Role.OFFICE).filter(pk=season.district_id).exists():
        return found
    own = found.none()
    if account.person_id and has_role(account, Role.MENTOR):
        own = own | found.filter(mentor__person=account.person_id)
    if account.person_id and has_role(account, Role.SECRETARY):
        own = own | found.filter(enrolment__person=account.person_id)
    return own
