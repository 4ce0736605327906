"""The load: wrk, whose keep-alive connections each send the next request as soon as the last one is answered."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlencode

from processes import pinned_to

_SCRIPT = Path(__file__).parent / "cycle.lua"
_PATIENCE = 30  # seconds that one answer may take before it counts as broken
_GRACE = 60  # seconds that wrk may take beside the load itself
_LOOKED_AT = 64  # requests of a case that are checked before it is measured


class WrongAnswer(Exception):
    """The server answered something else than it should, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def wire(self) -> bytes:
        named = {"Host": "127.0.0.1", **self.headers}
        if self.body:
            named["Content-Length"] = str(len(self.body))
        head = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        return "\r\n".join([*head, "", self.body]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request. The `requests` are sent in turn; every answer must be a success with `proof` in it."""

    name: str
    requests: Sequence[Request]
    proof: str


@dataclass(frozen=True, slots=True)
class Driven:
    """What a load run did. Latencies are in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    most: float


def get(path: str, headers: Mapping[str, str] | None = None) -> Request:
    return Request("GET", path, headers or {})


def post(path: str, parameters: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return Request("POST", path, form, urlencode(parameters))


def verify(port: int, case: Case) -> None:
    """Looks at the answers of a case, one after the other. Raises WrongAnswer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        for request in islice(case.requests, _LOOKED_AT):
            connection.request(request.method, request.path, request.body or None, dict(request.headers))
            _verify(connection.getresponse(), case)
    except (OSError, HTTPException) as error:
        raise WrongAnswer(f"no answer ({type(error).__name__})") from error
    finally:
        connection.close()


def drive(
    port: int,
    case: Case,
    *,
    seconds: int,
    connections: int,
    core: int | None,
    sent: int = 0,
    pause: int = 0,
) -> Driven:
    """Loads the server for `seconds`. Raises WrongAnswer.

    `sent` are the requests that earlier runs have sent, behind which this one goes on; `pause` is the most milliseconds
    before a request.
    """
    with _prepared(case.requests) as file, pinned_to(core):
        shape = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_PATIENCE}s", f"--script={_SCRIPT}"]
        command = ["wrk", *shape, f"http://127.0.0.1:{port}/", "--", str(file), str(sent), str(pause)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _GRACE)
    if ran.returncode != 0:
        raise WrongAnswer(f"wrk ended with {ran.returncode}: {ran.stderr.strip()}")
    told = json.loads(ran.stdout.strip().rpartition("\n")[2])
    refused, broken = told.pop("refused"), told.pop("broken")
    if refused or broken:
        raise WrongAnswer(f"{refused} refused and {broken} broken of {told['requests']}")
    return Driven(**told)


def _verify(answer: HTTPResponse, case: Case) -> None:
    headers = "".join(f"{name.lower()}: {value}\n" for name, value in answer.getheaders())
    if case.proof not in headers + answer.read().decode("utf-8", "replace") or answer.status != 200:
        # The body stays out of the message: it may hold a token.
        raise WrongAnswer(f"a wrong answer, status {answer.status}")


@contextmanager
def _prepared(requests: Sequence[Request]) -> Iterator[Path]:
    """The requests as `cycle.lua` reads them, in a file that only we can read: they hold tokens."""
    with NamedTemporaryFile(prefix="appanage-bench-", suffix=".requests") as file:
        for request in requests:
            wire = request.wire
            file.write(b"%d %s\n" % (len(wire), wire))
        file.flush()
        yield Path(file.name)
