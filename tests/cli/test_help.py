"""What the program says of itself, and what it says to a call that cannot be right."""

import subprocess
import sys
from pathlib import Path

import pytest

from appanage import __version__
from cli.program import appanage

COMMANDS = [
    "serve",
    "worker",
    "migrate",
    "demo",
    "doctor",
    "organization",
    "domain",
    "person",
    "token",
    "keys",
    "audit",
]


def test_every_command_is_listed():
    said = appanage("--help")

    assert said.returncode == 0
    assert all(f"\n  {command} " in said.stdout for command in COMMANDS)


def test_a_command_says_what_it_takes():
    said = appanage("person", "create", "--help").stdout

    assert "--organization ID|NAME" in said
    assert "--data DIR" in said


def test_help_comes_at_once_because_it_imports_nothing_that_commands_need():
    script = """
import sys
from appanage.cli import main
try:
    sys.argv = ["appanage", "--help"]
    main()
finally:
    print(sorted(sys.modules))
"""

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout

    assert "'appanage.cli.commands'" in said
    assert not [name for name in ("sqlalchemy", "pydantic", "starlette", "rich") if f"'{name}'" in said]


def test_the_version_is_the_package_s():
    assert appanage("--version").stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["serve", "--demo", "--host", "0.0.0.0"], {}, "served on a loopback address only"),  # noqa: S104
        (["migrate"], {"APPANAGE_SECRET_KEY": "hunter2"}, "must have at least 32 characters"),
        (["token", "create"], {}, "Missing option '--account'"),
    ],
    ids=["a public demonstration", "a short secret key", "a missing option"],
)
def test_a_call_that_cannot_be_right_ends_with_a_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str, tmp_path: Path
):
    ended = appanage(*arguments, environment={"APPANAGE_DATA": str(tmp_path)} | environment)

    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr
    assert not ended.stdout
