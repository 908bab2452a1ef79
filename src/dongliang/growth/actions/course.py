"""What belongs to a course beside its sessions: materials, the practice task, the quiz, feedback."""

from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.timezone import localdate, now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.growth.models import (
    Attempt,
    Attendance,
    Course,
    Credit,
    Feedback,
    Material,
    PracticeReport,
    Question,
    Session,
)
from dongliang.growth.queries.training import (
    feedback_blockers,
    practice_blockers,
    quiz_blockers,
    season_blockers,
)
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment


@transaction.atomic
def add_material(
    course: Course, *, title: str, link: str = "", file: UploadedFile | None = None, by: Account | None
) -> Material:
    """Add a link, or a file, which is kept under a name of ours. The form has measured it."""
    if blockers := season_blockers(course.season):
        raise Refused(blockers)
    material = Material(course=course, title=title, link=link, size=file.size or 0 if file else 0)
    if file:
        material.file.save(file.name or "", file, save=False)
    material.save()
    log_action("growth.material.added", material, by=by, course=course.pk)
    return material


@transaction.atomic
def remove_material(material: Material, *, by: Account | None) -> None:
    if blockers := season_blockers(material.course.season):
        raise Refused(blockers)
    log_action("growth.material.removed", material, by=by, course=material.course_id)
    if material.file:
        name, storage = material.file.name or "", material.file.storage
        transaction.on_commit(lambda: storage.delete(name))
    material.delete()


@transaction.atomic
def write_question(
    course: Course, *, text: str, choices: Sequence[str], right: int, by: Account | None
) -> Question:
    """Add a question to the quiz. Attempts already made keep their result."""
    if blockers := season_blockers(course.season):
        raise Refused(blockers)
    question = Question.objects.create(course=course, text=text, choices=list(choices), right=right)
    log_action("growth.question.written", question, by=by, course=course.pk)
    return question


@transaction.atomic
def remove_question(question: Question, *, by: Account | None) -> None:
    if blockers := season_blockers(question.course.season):
        raise Refused(blockers)
    log_action("growth.question.removed", question, by=by, course=question.course_id)
    question.delete()


@transaction.atomic
def take_quiz(
    course: Course, enrolment: Enrolment, answers: dict[int, int], *, by: Account | None
) -> Attempt:
    """Mark one attempt: ``answers`` are choices by question. Raises Refused when it is passed or tries are used up."""
    Course.objects.select_for_update().get(pk=course.pk)
    if blockers := quiz_blockers(course, enrolment):
        raise Refused(blockers)
    questions = list(course.questions.all())
    right = sum(answers.get(question.pk) == question.right for question in questions)
    # Rounded down: who needs 60 and has 59.9 does not have 60.
    percent = 100 * right // len(questions)
    attempt = Attempt.objects.create(
        course=course,
        enrolment=enrolment,
        answers={str(pk): choice for pk, choice in answers.items()},
        percent=percent,
        passed=percent >= course.pass_percent,
        at=now(),
    )
    log_action("growth.quiz.taken", attempt, by=by, course=course.pk, passed=attempt.passed)
    return attempt


@transaction.atomic
def report_practice(course: Course, enrolment: Enrolment, text: str, *, by: Account | None) -> PracticeReport:
    """Say what was done in the own first thing; in place of a report not accepted. Raises Refused."""
    Course.objects.select_for_update().get(pk=course.pk)
    if blockers := practice_blockers(course, enrolment):
        raise Refused(blockers)
    report, _made = PracticeReport.objects.update_or_create(
        course=course,
        enrolment=enrolment,
        defaults={
            "first_thing": FirstThing.objects.get(enrolment=enrolment),
            "text": text.strip(),
            "state": PracticeReport.State.SENT,
            "sent_at": now(),
        },
    )
    log_action("growth.practice.reported", report, by=by)
    return report


@transaction.atomic
def answer_practice(
    report: PracticeReport, *, accept: bool, answer: str, by: Account | None
) -> PracticeReport:
    """Accept a report, which credits its hours, or send it back with a word. Once accepted it stays so."""
    report = PracticeReport.objects.select_for_update().get(pk=report.pk)
    if blockers := season_blockers(report.course.season):
        raise Refused(blockers)
    if report.state != PracticeReport.State.SENT:
        return report
    report.state = PracticeReport.State.ACCEPTED if accept else PracticeReport.State.RETURNED
    report.answer, report.read_by = answer.strip(), by
    report.save(update_fields=["state", "answer", "read_by"])
    if accept and report.course.practice_hours:
        Credit.objects.create(
            person=report.enrolment.person,
            season=report.course.season,
            hours=report.course.practice_hours,
            earned_on=localdate(),
            practice=report,
            given_by=by,
        )
    log_action("growth.practice.answered", report, by=by, state=report.state)
    return report


@transaction.atomic
def give_feedback(
    session: Session, enrolment: Enrolment, *, content: int, trainer: int, setting: int, remark: str
) -> None:
    """Store what somebody thought without who: the two rows share nothing, and the log names the session alone."""
    attendance = Attendance.objects.select_for_update().filter(session=session, enrolment=enrolment).first()
    blockers = season_blockers(session.course.season) + feedback_blockers(attendance)
    if blockers or attendance is None:
        raise Refused(blockers)
    attendance.gave_feedback = True
    attendance.save(update_fields=["gave_feedback"])
    Feedback.objects.create(
        session=session, content=content, trainer=trainer, setting=setting, remark=remark.strip()
    )
    log_action("growth.feedback.given", session, by=None)
