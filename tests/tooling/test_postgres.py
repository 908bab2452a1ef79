import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

COMMAND = Path(postgres.__file__)
ASK = (
    "import os, psycopg, dj_database_url as urls;"
    "told = urls.parse(os.environ['DONGLIANG_DATABASE']);"
    "connection = psycopg.connect(host=told['HOST'], user=told['USER'], dbname=told['NAME']);"
    "print(connection.execute('SELECT 1 + 1').fetchone()[0], told['HOST'], flush=True)"
)


def start(*command, **environment):
    return subprocess.Popen(
        [sys.executable, COMMAND, "--", *command],
        env=os.environ | environment,
        # A command that waits for input waits until it is ended, wherever the tests themselves read from.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_finds_a_database_that_is_gone_afterwards():
    command = start(sys.executable, "-c", ASK)

    output, errors = command.communicate()

    answer, folder = output.split()
    assert (answer, errors, command.returncode, Path(folder).parent.exists()) == ("2", "", 0, False)


def test_the_exit_status_is_the_commands():
    command = start(sys.executable, "-c", "raise SystemExit(7)")

    command.communicate()

    assert command.returncode == 7


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_command_and_database(received):
    command = start(sys.executable, "-c", f"{ASK}; input()")
    folder = Path(command.stdout.readline().split()[1])
    server = int((folder / "postmaster.pid").read_text().split()[0])

    command.send_signal(received)
    command.communicate()

    assert command.returncode == 128 + received
    assert not folder.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_a_folder_without_programs_is_named():
    command = start("true", PG_BIN="/nowhere")

    _, errors = command.communicate()

    assert command.returncode == 1
    assert errors == (
        "PG_BIN is '/nowhere', where there is no initdb. Name a folder of PostgreSQL's programs.\n"
    )


def test_programs_that_the_servers_owner_cannot_reach_are_copied_with_their_libraries(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", refuse)
        copy = postgres.reachable(postgres.programs(), tmp_path, {})

    assert copy.is_relative_to(tmp_path)
    assert subprocess.run([copy / "initdb", "--version"], capture_output=True).returncode == 0
