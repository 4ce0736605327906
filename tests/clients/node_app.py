"""An app on openid-client in a process of node, which does one step of its flow at a time."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

NODE = Path(sys.executable).parent / "node"
FLOW = Path(__file__).parent / "node" / "flow.mjs"


class Refused(Exception):
    """What the library raised: `error` is the code of the protocol, if the server answered one."""

    def __init__(self, name: str, message: str, code: str = "", error: str = "", **more: Any) -> None:
        super().__init__(f"{name}: {message} {code} {error} {more}")
        self.error = error


class NodeApp:
    """One line is asked and one is answered; see flow.mjs for the steps."""

    def __init__(self, asked: IO[str], answered: IO[str]) -> None:
        self._asked = asked
        self._answered = answered

    def do(self, step: str, **given: Any) -> Any:
        """Raises Refused when the library does, which is what an unmet expectation of it looks like."""
        print(json.dumps({"step": step} | given), file=self._asked, flush=True)
        line = self._answered.readline()
        assert line, "node has ended; `make setup` installs what it needs"
        outcome = json.loads(line)
        if "error" in outcome:
            raise Refused(**outcome["error"])
        return outcome["result"]


@contextmanager
def app_on_node() -> Iterator[NodeApp]:
    command = [NODE, FLOW]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield NodeApp(process.stdin, process.stdout)
        process.stdin.close()  # which is the end of its input, and of it
