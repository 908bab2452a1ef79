import pytest
from django.db import connection

from dongliang.common import steps
from dongliang.common.steps import Ask, as_of_now, carried_out

pytestmark = pytest.mark.django_db


def doubling(numbers):
    found = []
    for number in numbers:
        found += yield Ask("SELECT 2 * CAST(%s AS integer) AS doubled", [number])
    return [doubled for (doubled,) in found]


def test_steps_are_sent_the_rows_of_each_statement():
    assert carried_out(doubling([1, 2, 3])) == [2, 4, 6]
    assert carried_out(doubling([])) == []


def test_what_has_no_rows_is_sent_none():
    def steps():
        return (yield Ask("DELETE FROM people_organisation WHERE code = %s", ["nowhere"]))

    assert carried_out(steps()) == []


def test_a_statement_is_planned_once_in_a_while_where_the_database_remembers_plans(monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(steps.time, "monotonic", lambda: clock)

    def plans():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS doubled%'")
            return cursor.fetchone()[0]

    before = as_of_now("SELECT 1")
    assert as_of_now("SELECT 1") == before
    if connection.vendor == "postgresql":
        carried_out(doubling(range(20)))
        assert plans() == 1
    clock += steps.PLAN_LASTS
    assert as_of_now("SELECT 1") != before
    if connection.vendor == "postgresql":
        carried_out(doubling(range(20)))
        assert plans() == 2
