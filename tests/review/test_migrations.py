from importlib import import_module

import pytest
from django.apps import apps

from dongliang.review.models import Submission
from tests.factories.review import make_assignment, send_sheet
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db


def test_sheets_sent_before_there_were_versions_become_their_own_first_version():
    world = make_world()
    sent = [
        send_sheet(
            make_assignment(enrolment, world.departments[0]),
            marks,
            note="看了台账",
            by=world.accounts["department"],
        )
        for enrolment, marks in zip(world.enrolments[:3], ("4354", "2222", "5545"), strict=True)
    ]
    make_assignment(world.enrolments[3], world.departments[0])
    Submission.objects.all().delete()

    import_module("dongliang.review.migrations.0003_take_over_sheets_as_first_versions").take_over(apps, None)

    columns = ("assignment", "version", "marks", "note", "notes", "received_at", "sent_by")
    assert list(Submission.objects.order_by("pk").values_list(*columns)) == [
        (one.assignment_id, 1, one.marks, "看了台账", {}, one.submitted_at, world.accounts["department"].pk)
        for one in sent
    ]
