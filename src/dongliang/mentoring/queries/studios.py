"""Studios and groups: who belongs to them, what was asked, answered, held and written; what stands against a change."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.counts import count_of_each
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import BoxAnswer, BoxQuestion, Gathering, Mentor, Output, Studio, StudyGroup
from dongliang.people.models import Account, Organisation, Person, Role
from dongliang.people.queries import found_by_name, has_role
from dongliang.seasons.models import Season

OPEN, ANSWERED, DRAFT_CASE, MINE = "open", "answered", "draft_case", "mine"
COMING, PAST = "coming", "past"


# Studios


def studios_of(season: Season) -> QuerySet[Any]:
    """The season's studios, each with how many members, open questions and cases it has."""
    return (
        season.studios.select_related("subdistrict", "leader__person", "season__district")
        .annotate(
            people=count_of_each(Person.objects, "studios"),
            waiting=count_of_each(BoxQuestion.objects.filter(answers=None), "studio"),
            asked=count_of_each(BoxQuestion.objects, "studio"),
            cases=count_of_each(Output.objects, "studio"),
        )
        .order_by("subdistrict__code", "name")
    )


def matching_studios(
    studios: QuerySet[Any], *, search: str = "", subdistrict: Organisation | None = None
) -> QuerySet[Any]:
    studios = found_by_name(
        studios, search, "leader__person__name", also=("name", "good_at", "subdistrict__name")
    )
    return studios.filter(subdistrict=subdistrict) if subdistrict else studios


def people_of_studio(studio: Studio) -> QuerySet[Person]:
    """The leader and the members."""
    return Person.objects.filter(Q(studios=studio) | Q(pk=studio.leader.person_id)).distinct().order_by("pk")


def belongs_to(account: Account, studio: Studio) -> bool:
    person = account.person_id
    if not person or not has_role(account, Role.MENTOR, Role.SECRETARY):
        return False
    return person == studio.leader.person_id or studio.members.filter(pk=person).exists()


def studio_mates(mentors: Iterable[Mentor]) -> dict[tuple[int, int], Studio]:
    """The studio that a mentor and somebody else share in the mentor's season, by mentor and person: in two queries."""
    by_season = {(mentor.season_id, mentor.person_id): mentor.pk for mentor in mentors}
    people = {person for _season, person in by_season}
    studios = (
        Studio.objects.filter(Q(members__in=people) | Q(leader__person__in=people))
        .select_related("leader")
        .prefetch_related("members")
        .distinct()
        .order_by("pk")
    )
    found: dict[tuple[int, int], Studio] = {}
    for studio in studios:
        together = {studio.leader.person_id, *(member.pk for member in studio.members.all())}
        for person in together:
            if (mentor := by_season.get((studio.season_id, person))) is not None:
                for other in together - {person}:
                    found.setdefault((mentor, other), studio)
    return found


# Questions


def questions_of(season: Season) -> QuerySet[Any]:
    """The questions in the boxes of the season's studios, each with its number of answers and whether one is a draft case."""
    drafts = BoxAnswer.objects.filter(question=OuterRef("pk"), draft_case=True)
    return (
        BoxQuestion.objects.filter(studio__season=season)
        .select_related("studio__subdistrict", "studio__leader", "asked_by__person")
        .annotate(answered=Count("answers", distinct=True), is_draft=Exists(drafts))
        .order_by("-asked_at", "-pk")
    )


def matching_questions(
    questions: QuerySet[Any],
    *,
    account: Account,
    search: str = "",
    studio: Studio | None = None,
    state: str = "",
) -> QuerySet[Any]:
    """The rows that a filter bar asks for. Whoever asked without a name is found by that name by nobody but herself."""
    if search:
        named = questions.filter(Q(nameless=False) | Q(asked_by=account)).order_by().values("pk")
        by_name = found_by_name(
            BoxQuestion.objects.filter(pk__in=named),
            search,
            "asked_by__display_name",
            "asked_by__person__name",
        )
        worded = Q(title__icontains=search) | Q(text__icontains=search) | Q(studio__name__icontains=search)
        questions = questions.filter(worded | Q(pk__in=by_name.order_by().values("pk")))
    if studio:
        questions = questions.filter(studio=studio)
    states = {
        OPEN: Q(answered=0),
        ANSWERED: Q(answered__gt=0),
        DRAFT_CASE: Q(is_draft=True),
        MINE: Q(asked_by=account),
    }
    return questions.filter(states[state]) if state in states else questions


def asker_shown(question: BoxQuestion, account: Account) -> str:
    """Who asked, as far as the account may know."""
    if question.asked_by_id == account.pk:
        return _("you, without your name") if question.nameless else _("you")
    return _("without a name") if question.nameless else str(question.asked_by.display_name)


# Sessions


def gatherings_of(season: Season) -> QuerySet[Any]:
    return (
        Gathering.objects.filter(Q(studio__season=season) | Q(group__season=season))
        .select_related("studio__subdistrict", "studio__leader", "studio__season", "group__season")
        .annotate(present=Count("came", distinct=True))
    )


def matching_gatherings(
    gatherings: QuerySet[Any],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    when: str = "",
) -> QuerySet[Any]:
    """The rows that a filter bar asks for: coming ones from the next on, past ones from the last on."""
    gatherings = found_by_name(
        gatherings,
        search,
        "studio__leader__person__name",
        "group__convener__name",
        also=("topic", "place", "studio__name", "group__topic"),
    )
    if subdistrict:
        gatherings = gatherings.filter(studio__subdistrict=subdistrict)
    if when == COMING:
        return gatherings.filter(starts_at__gte=now()).order_by("starts_at", "pk")
    if when == PAST:
        return gatherings.filter(starts_at__lt=now()).order_by("-starts_at", "-pk")
    return gatherings.order_by("-starts_at", "-pk")


# Groups


def groups_of(season: Season) -> QuerySet[Any]:
    return (
        season.study_groups.select_related("convener", "season__district")
        .annotate(
            people=count_of_each(Person.objects, "study_groups"),
            held=count_of_each(Gathering.objects, "group"),
            papers=count_of_each(Output.objects, "group"),
        )
        .order_by("topic", "pk")
    )


def matching_groups(
    groups: QuerySet[Any], *, account: Account, search: str = "", whose: str = ""
) -> QuerySet[Any]:
    groups = found_by_name(groups, search, "convener__name", also=("topic", "aim"))
    if whose == MINE:
        groups = groups.filter(
            pk__in=StudyGroup.objects.filter(
                Q(convener=account.person_id or 0) | Q(members=account.person_id or 0)
            ).values("pk")
        )
    return groups


def in_group(account: Account, group: StudyGroup) -> bool:
    person = account.person_id
    if not person or not has_role(account, Role.MENTOR, Role.SECRETARY):
        return False
    return person == group.convener_id or group.members.filter(pk=person).exists()


def outputs_of(owner: Studio | StudyGroup) -> QuerySet[Output]:
    return owner.outputs.select_related("by")


# People by their names


def known_people(season: Season) -> list[tuple[Person, str]]:
    """Everybody who can belong to a studio or a group of the season, with where from; a mentor who is also a secretary once."""
    found: dict[int, tuple[Person, str]] = {}
    for enrolment in season.enrolments.select_related("person", "post__organisation"):
        found[enrolment.person_id] = enrolment.person, str(enrolment.organisation)
    for mentor in season.mentors.select_related("person", "home"):
        found.setdefault(mentor.person_id, (mentor.person, str(mentor.home) if mentor.home else _("Mentor")))
    return list(found.values())


def names_of(people: Collection[Person], season: Season) -> str:
    """The people a line each, as ``people_named`` reads them; namesakes with where they are from."""
    chosen, known = {person.pk for person in people}, known_people(season)
    names = [person.name for person, _place in known]
    return "\n".join(
        f"{person.name} {place}" if names.count(person.name) > 1 else person.name
        for person, place in known
        if person.pk in chosen
    )


def people_named(text: str, season: Season) -> tuple[list[Person], list[str]]:
    """The people whom the lines name, and a sentence for each line that names nobody or several."""
    known = known_people(season)
    people: dict[int, Person] = {}
    faults = []
    for line in filter(None, (part.strip() for part in re.split(r"[\n,，、;；]+", text))):
        name, *rest = line.split(maxsplit=1)
        fitting = [(person, place) for person, place in known if person.name == name]
        if rest:
            fitting = [(person, place) for person, place in fitting if rest[0].strip() in place]
        if len(fitting) == 1:
            people[fitting[0][0].pk] = fitting[0][0]
        elif fitting:
            places = ", ".join(f"{person.name} {place}" for person, place in fitting)
            faults.append(
                _("Several people are called '%(name)s'. Write where from: %(places)s.")
                % {"name": line, "places": places}
            )
        else:
            faults.append(
                _(
                    "Nobody in this season is called '%(name)s'. Check the name against the list of secretaries."
                )
                % {"name": line}
            )
    return list(people.values()), faults


# What stands against


def name_blockers(kept: QuerySet[Any], own: int | None, name: str) -> list[Blocker]:
    if not kept.exclude(pk=own).exists():
        return []
    return [
        Blocker(
            "studio.name",
            _("There is already one called '%(name)s'.") % {"name": name},
            _("Choose another name."),
        )
    ]


def answered_blockers(question: BoxQuestion) -> list[Blocker]:
    """Why a question cannot be taken back."""
    if not question.answers.exists():
        return []
    return [
        Blocker(
            "question.answered",
            _("The question has been answered."),
            _("It stays, so that others can read the answer."),
        )
    ]
