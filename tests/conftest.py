import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.browser"]

# The fixtures of tests.browser that open one.
PAGES = frozenset({"phone", "phone_without_script", "desktop", "desktop_without_script"})

# Take minutes. Begun last, they would leave all processes but one without work.
LONG = frozenset({"test_every_url.py", "test_every_page.py", "test_demo.py"})

# No test asserts a time, and a busy machine makes none fail.
hypothesis.settings.register_profile(
    "dongliang", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("dongliang")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="Run only the tests to which the database may make a difference: none in a browser, none marked as once.",
    )
    parser.addoption("--kills", type=int, default=3, help="How often the tests of load kill each process.")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    for item in items:
        params = item.callspec.params.values() if hasattr(item, "callspec") else ()
        # By name where a test asks for one screen or the other.
        if "chromium" in getattr(item, "fixturenames", ()) or not PAGES.isdisjoint(map(str, params)):
            item.add_marker("browser")
    if config.getoption("--database-only"):
        config.hook.pytest_deselected(items=[item for item in items if not uses_database(item)])
        items[:] = [item for item in items if uses_database(item)]
    yield
    items.sort(key=lambda item: item.path.name not in LONG)


def uses_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("browser") or item.get_closest_marker("once"):
        return False
    return bool(item.get_closest_marker("django_db")) or bool(
        fixtures & {"db", "transactional_db", "live_server"}
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return failed_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return failed_if_skipped(report)


def failed_if_skipped(report: Any) -> Any:
    """A test that did not run has shown nothing: it counts as failed, so that nobody takes it for passed."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        # pytest forgives what was expected to fail.
        vars(report).pop("wasxfail", None)
        report.longrepr = f"Not run. Every test must run here. {reason}"
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Keep SQLite in a file, as an installation does: pages and tests then hold connections of their own."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["DONGLIANG_HOME"], "tests.sqlite3"))
        # What a power cut does to the data of a test is no concern.
        database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Empty the database quickly after each test that commits."""
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db import connection
    from django.db.models.signals import post_migrate

    # Nothing here asks for Django's permissions, which it would write anew each time.
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    if connection.vendor == "postgresql":
        type(connection.ops).sql_flush = deletions


def deletions(_operations: Any, _style: Any, tables: list[str], **_more: Any) -> list[str]:
    """What empties ``tables``. PostgreSQL makes new files for each table that it truncates, and there are hundreds."""
    deleted = [f'DELETE FROM "{table}"' for table in tables]
    return [
        "SET session_replication_role = replica",
        *deleted,
        "SET session_replication_role = DEFAULT",
    ]


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Hash passwords in microseconds: the slowness that protects them would only slow the tests."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
