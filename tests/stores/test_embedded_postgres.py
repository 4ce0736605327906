"""The embedded PostgreSQL after our process, or the whole machine, ended without saying so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appanage.storage import embedded


@pytest.fixture(scope="module")
def ended() -> int:
    """The id of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_processes_that_are_gone_do_not_keep_the_server_running(tmp_path: Path, ended: int):
    handles = tmp_path / ".handle_pids.json"
    handles.write_text(json.dumps([ended, os.getpid()]))

    embedded._forget_the_dead(tmp_path)

    assert json.loads(handles.read_text()) == [os.getpid()]


def test_a_process_of_another_user_counts_as_running():
    assert embedded._is_alive(1)


@pytest.mark.parametrize("somebody_else", [True, False], ids=["has the id now", "has not"])
def test_a_server_that_ended_without_saying_so_is_forgotten(tmp_path: Path, ended: int, somebody_else: bool):
    """Its process id may be anybody's by now, and the next server would not start for fear of it."""
    note = tmp_path / "postmaster.pid"
    note.write_text(f"{os.getpid() if somebody_else else ended}\n/somewhere\n")

    embedded._forget_the_dead(tmp_path)

    assert not note.exists()
