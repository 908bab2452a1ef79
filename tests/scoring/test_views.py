import json

import pytest
from django.urls import reverse

from dongliang.scoring.actions import run_scoring
from dongliang.scoring.models import ScoringRun
from tests.factories.scoring import make_closed_world

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_run_s_page_names_who_would_enter_and_leave_under_other_choices(client):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    client.force_login(world.accounts["office"])

    page = client.get(reverse("scoring:run", args=[run.pk]), headers={"accept-language": "en"})

    names = {entry.number: entry.person.name for entry in world.enrolments}
    sheet = json.loads(run.result)["robustness"]
    shown = [*page.context["robustness"].others, *page.context["robustness"].without_a_rater]
    assert [(other.entering, other.leaving, other.refused) for other in shown] == [
        (
            ", ".join(names[number] for number in variant["entering"]),
            ", ".join(names[number] for number in variant["leaving"]),
            bool(variant["refusal"]),
        )
        for variant in sheet["variants"]
    ]
    change = sheet["smallest_weight_change"]
    assert (
        f"{names[change['entering'][0]]} would enter, {names[change['leaving'][0]]} would leave"
        in page.content.decode()
    )
    assert {
        entry.standing.enrolment.number: entry.times for entry in page.context["robustness"].wavering
    } == {number: times for number, times in sheet["times"] if times < sheet["lists"]}


def test_a_run_without_the_sheet_is_still_shown(client):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    result = json.loads(run.result)
    del result["robustness"]
    ScoringRun.objects.filter(pk=run.pk).update(result=json.dumps(result))
    client.force_login(world.accounts["office"])

    page = client.get(reverse("scoring:run", args=[run.pk]))

    assert page.status_code == 200
    assert page.context["robustness"] is None
