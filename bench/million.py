"""A million ballots: how long storing, closing, counting and examining them takes, and how much memory.

CPU seconds of this process, seconds of the clock, and the most memory it has held so far. SQLite in a temporary folder
unless DONGLIANG_DATABASE names an empty database. What the product does at close besides is timed with it.

``python bench/million.py [--ballots 1000000]``
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

BATCH = 400
# One in so many ballots is a household's second.
DOUBLES = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ballots", type=int, default=1_000_000)
    given, _others = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="dongliang-million-") as folder:
        os.environ["DONGLIANG_HOME"] = folder
        os.environ.setdefault("DONGLIANG_DATABASE", f"sqlite:///{folder}/ballots.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "dongliang.settings"
        # Only now: these need Django set up.
        import django

        django.setup()
        measure(given.ballots)


def measure(ballots: int) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from dongliang.ballots.actions.integrity import examine_round
    from dongliang.ballots.actions.rounds import close_rounds
    from dongliang.ballots.models import Round
    from dongliang.ballots.queries.coverage import tally
    from tests.factories.ballots import make_projects, make_rounds
    from tests.factories.season import make_world

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    world = make_world()
    make_projects(world.season)
    round, _picks = make_rounds(world.season)
    enrolments = [enrolment.pk for enrolment in world.enrolments]
    print(f"{ballots:,} ballots, batches of {BATCH}, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':34} {'CPU':>9} {'clock':>9} {'memory':>10}")
    timed("storing them", lambda: store(round, enrolments, ballots))
    timed("closing the rounds", lambda: close_rounds(world.season, by=None))
    timed("counting them", lambda: tally(Round.objects.get(pk=round.pk)))
    counted = sum(count for _number, _marks, count in tally(Round.objects.get(pk=round.pk)))
    if counted != ballots - ballots // DOUBLES:
        sys.exit(
            f"{counted} ballots are counted of {ballots}, of which {ballots // DOUBLES} replace an earlier one."
        )
    timed("examining them", lambda: examine_round(Round.objects.get(pk=round.pk), by=None))


def timed(name: str, act: Callable[[], Any]) -> None:
    """Print what CPU and clock ``act`` takes, and the most memory held so far."""
    clock, cpu = time.perf_counter(), time.process_time()
    act()
    used = time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:34} {used:7.1f} s {time.perf_counter() - clock:7.1f} s {memory:6.0f} MiB", flush=True)


def store(round: Any, enrolments: list[int], ballots: int) -> None:
    """Ballots of as many households, but that each DOUBLES-th comes from the household before it."""
    from hashlib import sha256

    from django.utils.timezone import now

    from dongliang.ballots.actions.casting import Cast, cast_ballots
    from dongliang.ballots.keys import season_key

    drawn, key = random.Random(1), season_key(round.season)
    credential = b""
    for start in range(0, ballots, BATCH):
        casts = []
        for serial in range(start, min(start + BATCH, ballots)):
            if (serial + 1) % DOUBLES:
                credential = sha256(serial.to_bytes(8)).digest()
            marks = "".join(drawn.choices("12345", (1, 2, 6, 20, 30), k=4))
            casts.append(
                Cast(enrolments[serial % len(enrolments)], credential, marks, origin=drawn.randbytes(4))
            )
        cast_ballots(round, casts, key=key, at=now())


if __name__ == "__main__":
    main()
