import pytest

from dongliang.projects.models import FirstThing
from dongliang.projects.queries import first_things_visible_to, projects_late, steps_from
from tests.factories.projects import make_first_thing
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "visible"),
    [
        ("office", {0, 1, 2, 3, 4, 5}),
        ("subdistrict", {0, 1, 2}),
        ("other_subdistrict", {3, 4, 5}),
        ("department", set()),
        ("mentor", {0, 1}),
        ("other_mentor", set()),
        ("secretary", {0}),
        ("other_secretary", {5}),
    ],
)
def test_who_reads_which_first_things(role, visible):
    world, other = make_world(), make_world(code="YZ")
    things = [make_first_thing(enrolment) for enrolment in world.enrolments]
    make_first_thing(other.enrolments[0])

    assert set(first_things_visible_to(world.accounts[role], world.season)) == {things[n] for n in visible}
    assert list(first_things_visible_to(world.accounts[role], other.season)) == []


def test_late_is_who_has_registered_nothing():
    world = make_world()
    for enrolment in world.enrolments[:4]:
        make_first_thing(enrolment)

    assert list(projects_late(world.season)) == world.enrolments[4:]


def test_a_first_thing_goes_one_step_on_or_back():
    state = FirstThing.State

    assert {here: steps_from(here) for here in state} == {
        state.REGISTERED: [state.UNDER_WAY],
        state.UNDER_WAY: [state.REGISTERED, state.LANDED],
        state.LANDED: [state.UNDER_WAY],
    }
