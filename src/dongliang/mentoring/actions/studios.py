"""Keeping studios and groups, asking and answering, holding sessions, and writing down what came of it."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.mentoring.models import (
    BoxAnswer,
    BoxQuestion,
    Gathering,
    Mentor,
    Output,
    OutputFile,
    Studio,
    StudyGroup,
)
from dongliang.mentoring.queries.studios import answered_blockers, name_blockers
from dongliang.people.models import Account, Organisation, Person
from dongliang.seasons.models import Season


@transaction.atomic
def keep_studio(
    studio: Studio | None,
    *,
    season: Season,
    subdistrict: Organisation,
    name: str,
    leader: Mentor,
    members: Collection[Person],
    place: str = "",
    good_at: str = "",
    by: Account | None,
) -> Studio:
    """Found a studio, or change one. Raises Refused."""
    if blockers := name_blockers(season.studios.filter(name=name), studio.pk if studio else None, name):
        raise Refused(blockers)
    kept = studio or Studio(season=season)
    kept.subdistrict, kept.name, kept.leader, kept.place, kept.good_at = (
        subdistrict,
        name,
        leader,
        place,
        good_at,
    )
    kept.save()
    # The leader is named once.
    kept.members.set([person for person in members if person.pk != leader.person_id])
    log_action("mentoring.studio.changed" if studio else "mentoring.studio.founded", kept, by=by)
    return kept


@transaction.atomic
def keep_group(
    group: StudyGroup | None,
    *,
    season: Season,
    topic: str,
    aim: str,
    convener: Person,
    members: Collection[Person],
    by: Account | None,
) -> StudyGroup:
    """Form a group, or change one. Raises Refused."""
    if blockers := name_blockers(season.study_groups.filter(topic=topic), group.pk if group else None, topic):
        raise Refused(blockers)
    kept = group or StudyGroup(season=season)
    kept.topic, kept.aim, kept.convener = topic, aim, convener
    kept.save()
    kept.members.set([person for person in members if person.pk != convener.pk])
    log_action("mentoring.group.changed" if group else "mentoring.group.formed", kept, by=by)
    return kept


@transaction.atomic
def keep_gathering(
    gathering: Gathering | None,
    *,
    of: Studio | StudyGroup,
    topic: str,
    starts_at: datetime,
    place: str,
    notes: str = "",
    came: Collection[Person] = (),
    by: Account | None,
) -> Gathering:
    """Arrange a session, or write down how it went."""
    kept = gathering or Gathering(**belonging(of))
    kept.topic, kept.starts_at, kept.place, kept.notes = topic, starts_at, place, notes
    kept.save()
    kept.came.set(came)
    log_action("mentoring.gathering.changed" if gathering else "mentoring.gathering.arranged", kept, by=by)
    return kept


def belonging(of: Studio | StudyGroup) -> dict[str, Studio | StudyGroup]:
    return {"studio" if isinstance(of, Studio) else "group": of}


@transaction.atomic
def add_output(
    of: Studio | StudyGroup,
    *,
    title: str,
    text: str = "",
    link: str = "",
    file_name: str = "",
    content: bytes = b"",
    by: Account | None,
) -> Output:
    """Keep what came of the work: text, link or file. The form has measured it."""
    output = Output.objects.create(
        title=title, text=text, link=link, file_name=file_name, by=by, **belonging(of)
    )
    if file_name:
        OutputFile.objects.create(output=output, content=content)
    log_action("mentoring.output.added", output, by=by)
    return output


@transaction.atomic
def drop_output(output: Output, *, by: Account | None) -> None:
    log_action("mentoring.output.dropped", output, by=by, title=output.title)
    output.delete()


@transaction.atomic
def ask(studio: Studio, *, title: str, text: str, nameless: bool, by: Account) -> BoxQuestion:
    """Put a question in the box. Asked without a name, the log does not tell who either."""
    question = studio.questions.create(title=title, text=text, nameless=nameless, asked_by=by)
    log_action("mentoring.question.asked", question, by=None if nameless else by)
    return question


@transaction.atomic
def take_back(question: BoxQuestion, *, by: Account) -> None:
    """Take a question back that nobody has answered. Raises Refused."""
    if blockers := answered_blockers(question):
        raise Refused(blockers)
    log_action("mentoring.question.taken_back", question, by=None if question.nameless else by)
    question.delete()


@transaction.atomic
def answer(question: BoxQuestion, *, text: str, by: Account | None) -> BoxAnswer:
    given = question.answers.create(text=text, by=by)
    log_action("mentoring.question.answered", question, by=by)
    return given


@transaction.atomic
def mark_draft_case(given: BoxAnswer, *, is_draft: bool, by: Account | None) -> BoxAnswer:
    """Mark an answer as good enough to be made a case of, or take the mark away."""
    given.draft_case = is_draft
    given.save(update_fields=["draft_case"])
    log_action("mentoring.answer.marked", given, by=by, draft_case=is_draft)
    return given
