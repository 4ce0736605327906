"""What the documentation says is true."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.live import free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def environment(**more: str) -> dict[str, str]:
    """Ours without settings of the platform, and with the program within reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APPANAGE_")}
    return kept | {"PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}", "APPANAGE_LOG_LEVEL": "warning"} | more


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the demo runs, as `make run` starts it."""
    folder, port = tmp_path_factory.mktemp("readme"), free_port()
    command = [str(BIN / "appanage"), "serve", "--demo", "--data", ".demo", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL) as process:
        wait_until_ready(f"http://127.0.0.1:{port}", seconds=60)
        yield folder
        process.terminate()


def test_the_client_code_of_the_readme_lists_people(demo: Path):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    def run() -> list[str]:
        command = [sys.executable, "-c", code]
        told = subprocess.run(
            command, cwd=demo, env=environment(), capture_output=True, text=True, check=True
        )
        names: list[str] = ast.literal_eval(told.stdout)
        return names

    first, again = run(), run()  # authorizing twice changes nothing

    assert first == again
    assert len(first) > 40
    assert all(first)


def test_generated_pages_are_those_of_the_code():
    script = ROOT / "scripts" / "make_reference.py"
    told = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, f"{told.stdout}{told.stderr}Run scripts/make_reference.py."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_documentation_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert dead == []


def test_every_decision_is_in_the_list():
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs" / "decisions").glob("0*.md")]

    assert all(f"({name})" in listed for name in pages)
