"""Sites to load and to break. Each has a database of its own, so that these tests run once, whatever the others run on."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.load.site import DURABLE, ROOT, SMALL_LOG, Site
from tests.postgres import cluster

HOUSEHOLDS = 12_000


def made_season(home, url):
    """Lay down the season; its key and its codes."""
    environment = os.environ | {"DONGLIANG_HOME": str(home), "DONGLIANG_DATABASE": url}
    made = subprocess.run(
        [sys.executable, "-m", "tests.load.season", str(HOUSEHOLDS)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    key, *codes = made.stdout.split()
    return bytes.fromhex(key), codes


@pytest.fixture(scope="session")
def sqlite_season(tmp_path_factory):
    home = tmp_path_factory.mktemp("sqlite-season")
    return home, *made_season(home, f"sqlite:///{home / 'ballots.sqlite3'}")


@pytest.fixture(scope="session")
def postgres():
    with cluster(DURABLE, SMALL_LOG) as made:
        yield made


@pytest.fixture(scope="session")
def postgres_season(postgres, tmp_path_factory):
    home = tmp_path_factory.mktemp("postgres-season")
    return home, *made_season(home, postgres.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request, tmp_path):
    """A site that nobody has voted on yet; not started."""
    if request.param == "sqlite":
        yield from new_site(tmp_path, request.getfixturevalue("sqlite_season"), None)
    else:
        yield from new_site(
            tmp_path, request.getfixturevalue("postgres_season"), request.getfixturevalue("postgres")
        )


@pytest.fixture
def sqlite_site(tmp_path, sqlite_season):
    yield from new_site(tmp_path, sqlite_season, None)


@pytest.fixture
def postgres_site(tmp_path, postgres, postgres_season):
    yield from new_site(tmp_path, postgres_season, postgres)


def new_site(folder, season, database):
    template, key, codes = season
    home = folder / "home"
    shutil.copytree(template, home)
    name = f"site_{os.urandom(6).hex()}"
    if database:
        with database.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE dongliang")
    site = Site(home, key, codes, database, name)
    try:
        yield site
    finally:
        site.stop()
