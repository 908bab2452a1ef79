"""What every connection to PostgreSQL is asked for, and what is said where the database keeps less than it says."""

import pytest
from django.core.checks import Tags, run_checks
from django.db import OperationalError, connection

from dongliang.common import databases
from dongliang.common.databases import AS_AGREED, durability_warnings, patience

pytestmark = pytest.mark.django_db


def told(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_connection_keeps_what_it_stores_whatever_the_server_is_set_to():
    setting = "SHOW synchronous_commit" if connection.vendor == "postgresql" else "PRAGMA synchronous"

    # The tests' SQLite is told to be quick; an installation's is not.
    assert told(setting) == ("on" if connection.vendor == "postgresql" else 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ],
)
def test_what_is_stronger_stays(before, after):
    if connection.vendor != "postgresql":
        assert durability_warnings() == []
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL synchronous_commit = {before}")
        cursor.execute(AS_AGREED.replace("false", "true"))

    assert told("SHOW synchronous_commit") == after


def test_a_database_that_a_power_cut_would_spoil_is_warned_of(monkeypatch):
    """The tests' own PostgreSQL is one; SQLite is none."""
    expected = ["dongliang.fsync", "dongliang.full_page_writes"]
    if connection.vendor != "postgresql":
        expected = []

    found = run_checks(tags=[Tags.database], databases=["default"])

    assert [warning.id for warning in durability_warnings()] == expected
    assert [warning.id for warning in found if warning.id.startswith("dongliang.")] == expected


def test_a_database_that_says_nothing_is_given_up():
    """Where somebody waits; a calculation waits as long as it takes."""
    if connection.vendor != "postgresql":
        assert databases.patience.get() is None
        return
    made = connection.copy()
    try:
        with made.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.5), pg_backend_pid()")
            _slept, process = cursor.fetchone()
            before = patience.set(0.2)
            try:
                with pytest.raises(OperationalError, match="nothing was heard"):
                    cursor.execute("SELECT pg_sleep(60)")
            finally:
                patience.reset(before)
        assert made.connection.closed
        # It would sleep on, and hold the database.
        assert told(f"SELECT pg_terminate_backend({process}, 10000)")
    finally:
        made.close()
