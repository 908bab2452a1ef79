import pytest
from django.db import transaction

from dongliang.common.log import Breach, log_action, log_actions, verify_chain
from dongliang.common.models import ActionLogEntry, ActionLogHead
from dongliang.people.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Person:
    person = Person.objects.create(name="顾文斌")
    for step in range(4):
        log_action("people.person.changed", person, by=None, step=step)
    return person


def test_an_untouched_chain_holds(person):
    assert verify_chain() == (4, None)


def test_an_empty_chain_holds():
    assert verify_chain() == (0, None)


def test_what_is_done_to_many_is_a_line_each(person, django_assert_max_num_queries):
    people = [person, *Person.objects.bulk_create([Person(name=name) for name in ("沈芸", "严春梅")])]

    with django_assert_max_num_queries(3):
        entries = log_actions("people.person.moved", people, by=None, to="LZ0101")

    assert log_actions("people.person.moved", [], by=None) == []
    assert [(entry.sequence, entry.subject_label) for entry in entries] == [
        (5, "顾文斌"),
        (6, "沈芸"),
        (7, "严春梅"),
    ]
    assert verify_chain() == (7, None)


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "people.person.praised"},
        {"detail": {"step": 9}},
        {"subject_label": "别人"},
        {"at": "2020-01-01T00:00Z"},
    ],
)
def test_a_changed_line_is_found(person, change):
    ActionLogEntry.objects.filter(sequence=2).update(**change)

    assert verify_chain() == (1, Breach(2, "changed"))


def test_a_removed_line_is_found(person):
    ActionLogEntry.objects.filter(sequence=3).delete()

    assert verify_chain() == (2, Breach(3, "missing"))


def test_a_removed_last_line_is_found(person):
    ActionLogEntry.objects.filter(sequence=4).delete()

    assert verify_chain() == (3, Breach(4, "missing"))


def test_a_chain_without_its_end_does_not_hold(person):
    ActionLogEntry.objects.filter(sequence=4).delete()
    ActionLogHead.objects.all().delete()

    assert verify_chain() == (3, Breach(4, "missing"))


def test_a_line_rewritten_with_a_fitting_digest_breaks_the_next(person):
    entry = ActionLogEntry.objects.get(sequence=2)
    entry.verb = "people.person.praised"
    entry.digest = entry.computed_digest()
    entry.save()

    assert verify_chain() == (2, Breach(3, "changed"))


def test_lines_put_in_place_of_the_whole_chain_are_found_by_the_head(person):
    ActionLogEntry.objects.all().delete()
    ActionLogHead.objects.all().update(sequence=4)

    assert verify_chain() == (0, Breach(1, "missing"))


@pytest.mark.django_db(transaction=True)
def test_a_line_outside_a_transaction_is_our_mistake():
    person = Person.objects.create(name="顾文斌")

    with pytest.raises(RuntimeError):
        log_action("people.person.changed", person, by=None)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_change_leaves_no_line():
    person = Person.objects.create(name="顾文斌")

    with transaction.atomic():
        log_action("people.person.changed", person, by=None)
        transaction.set_rollback(True)

    assert verify_chain() == (0, None)
