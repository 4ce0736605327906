"""What an operator can put right is told in a sentence that says how."""

import os
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

import pytest

from appanage.cli.administration import create_organization
from appanage.cli.console import Problem
from appanage.cli.explanations import as_problems
from appanage.cli.opening import connected, settings_of
from appanage.cli.serving import Serving, listen


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("APPANAGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("APPANAGE_DATA", str(tmp_path))
    monkeypatch.setenv("APPANAGE_LOG_LEVEL", "warning")
    return monkeypatch


def problem_of_serving(**asked: object) -> Problem:
    call: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 0,
        "data": None,
        "workers": 1,
        "role": "all",
        **asked,
    }
    with pytest.raises(Problem) as caught, as_problems():
        Serving(**call).run()  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"BASE_URL": "http://apps.example.com"}, "must be https"),
        ({"BASE_URL": "https://apps.example.com"}, "Set APPANAGE_SECRET_KEY: outside a loopback address"),
        ({"LIMITS_STORAGE": "redis://:pa/ss@here"}, "with signs like / in the password percent-encoded"),
        ({"LIMITS_STORAGE": "redis+unix://"}, "APPANAGE_LIMITS_STORAGE: must be memory://"),
        (
            {"LIMITS_STORAGE": "memcached://here"},
            "APPANAGE_LIMITS_STORAGE: must be memory://, or a store such as",
        ),
        ({"BASE_URL": "apps"}, "APPANAGE_BASE_URL: must be an http or https URL such as"),
        ({"DATABASE_POOL": "many"}, "APPANAGE_DATABASE_POOL: input should be a valid integer"),
        ({"LIFETIMES__ACCESS_TOKEN": "soon"}, "APPANAGE_LIFETIMES__ACCESS_TOKEN: "),
        ({"TRUSTED_PROXIES": "10.0.0.1"}, "The configuration cannot be read: error parsing value for field"),
        ({"CONFIG": "/nowhere.toml"}, "APPANAGE_CONFIG names /nowhere.toml, which is not a file."),
        ({"DATABASE_URL": "no url"}, "APPANAGE_DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "mysql://host/name"}, "APPANAGE_DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "postgresql://host/name?no=such"}, "APPANAGE_DATABASE_URL is not a database URL"),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else None,
)
def test_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, settings: dict[str, str], sentence: str):
    for name, value in settings.items():
        environment.setenv(f"APPANAGE_{name}", value)

    problem = problem_of_serving()

    assert sentence in problem.sentence
    assert problem.exit_code == 2


def test_a_configuration_file_that_is_no_toml_is_told(environment: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "appanage.toml").write_text("base_url =")
    environment.setenv("APPANAGE_CONFIG", str(tmp_path / "appanage.toml"))

    assert problem_of_serving().sentence.startswith("The configuration cannot be read: ")


def test_listening_to_other_machines_needs_the_address_that_they_use():
    problem = problem_of_serving(host="0.0.0.0")  # noqa: S104

    assert problem.sentence.startswith("Other machines can reach 0.0.0.0: set APPANAGE_BASE_URL")


def test_the_demonstration_is_for_this_machine_only(environment: pytest.MonkeyPatch):
    environment.setenv("APPANAGE_BASE_URL", "https://apps.example.com")
    environment.setenv("APPANAGE_SECRET_KEY", "x" * 40)

    assert "on a loopback address only" in problem_of_serving(demo=True).sentence


def test_a_port_in_use_is_told():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        problem = problem_of_serving(port=port)

    assert problem.sentence.startswith(f"Cannot listen on 127.0.0.1 port {port}: Address already in use.")


def test_a_database_that_does_not_answer_is_told_with_its_reason(environment: pytest.MonkeyPatch):
    """Nothing listens on port 1."""
    environment.setenv("APPANAGE_DATABASE_URL", "postgresql://appanage:s3cr3t-word@127.0.0.1:1/appanage")

    with pytest.raises(Problem) as caught, as_problems():
        create_organization(None, name="Acme", plan="standard")

    assert caught.value.sentence.startswith("The database cannot be used: connection failed")
    assert caught.value.sentence.endswith("Check APPANAGE_DATABASE_URL.")
    assert "s3cr3t-word" not in caught.value.sentence


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("file/data", "cannot be made: Not a directory"),
        ("long" * 30, "path is too long for a database socket"),
    ],
)
def test_a_data_folder_that_cannot_be_used_is_told(folder: str, sentence: str):
    with TemporaryDirectory() as short:  # one of pytest's own may be too long itself
        (Path(short) / "file").write_text("in the way")

        with (
            pytest.raises(Problem, match=sentence),
            as_problems(),
            connected(settings_of(Path(short, folder))),
        ):
            pass


def test_an_embedded_database_that_is_broken_is_told(tmp_path: Path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9")

    with (
        pytest.raises(Problem, match=r"The embedded PostgreSQL in .* does not start: "),
        as_problems(),
        connected(settings_of(tmp_path)),
    ):
        pass


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(CalledProcessError), as_problems():
        raise CalledProcessError(1, "something of ours")
