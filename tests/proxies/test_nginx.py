"""nginx as the forward-auth guide sets it up: a real one, between real clients and a small server that it protects."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from appanage.directory.model import Account, Organization
from support.integration import OAuthClient
from support.keys import KEYS
from support.live import free_port
from support.world import PEOPLE_SCOPES, MadeApp, World

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "forward-auth.md"
API = "https://api.example.com"  # as the guide names it, and as clients behind TLS do
READ, WRITE = PEOPLE_SCOPES
IDENTITY = ("x-auth-account", "x-auth-kind", "x-auth-organization", "x-auth-client", "x-auth-scope")
DEMAND = "scope=spark-admin:people_read"  # what the guide writes
BOUND = 1.0  # seconds in which a revocation is known (checklist REV-09)


class Echo(BaseHTTPRequestHandler):
    """The protected server: tells what reached it."""

    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Whatever the method is, it is looked for under a name of its own."""
        if name.startswith("do_"):
            return self._tell
        raise AttributeError(name)

    def _tell(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "length": len(body),
        }
        told = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class Reached:
    """A request as the protected server saw it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    length: int

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def reached(answer: httpx2.Response) -> Reached:
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return Reached(seen["method"], seen["path"], [(one, two) for one, two in seen["headers"]], seen["length"])


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """The port of the protected server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def new_nginx(echo: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts an nginx that asks the platform at this address, and tells its own."""
    running: list[subprocess.Popen[bytes]] = []

    def start(platform: str, *, demand: str = DEMAND) -> str:
        folder, port = tmp_path_factory.mktemp("nginx"), free_port()
        site = site_of_the_guide(port=port, platform=platform, api=echo, demand=demand)
        (folder / "nginx.conf").write_text(framed(site, folder))
        command = [executable(), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
        running.append(subprocess.Popen(command))
        wait_for(port, running[-1], folder)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def url(new_nginx: Callable[..., str], live_url: str) -> str:
    return new_nginx(live_url.removeprefix("http://"))


@pytest.fixture
def http(url: str) -> Iterator[httpx2.Client]:
    """A client that reaches the protected server through nginx only."""
    with httpx2.Client(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
def organization(live: World) -> Organization:
    return live.organization("Northwind Traders")


@pytest.fixture
def admin(live: World, organization: Organization) -> Account:
    return live.full_admin(organization)


@pytest.fixture
def made(live: World, organization: Organization, admin: Account) -> MadeApp:
    made = live.service_app(live.developer(organization))
    live.authorize(made, admin)
    return made


@pytest.fixture
def token(live: World, made: MadeApp, organization: Organization) -> str:
    return live.retrieve(made, organization).access_token.reveal()


def executable() -> str:
    """An installed nginx: there is no way around it."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = os.environ.get("NGINX") or shutil.which("nginx", path=search)
    assert found, "nginx is missing: run scripts/ensure_servers.sh, or name one in NGINX"
    return found


def site_of_the_guide(*, port: int, platform: str, api: int, demand: str) -> str:
    """What the guide writes, without TLS and at other addresses."""
    [site] = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "server 127.0.0.1:8080;": f"server {platform};",
        "server 127.0.0.1:9000;": f"server 127.0.0.1:{api};",
        f"?{DEMAND};": f"?{demand};",
    }
    for there, here in changes.items():
        assert site.count(there) == 1, there
        site = site.replace(there, here)
    return re.sub(r"ssl_certificate\w* .*;", "", site)


def framed(site: str, folder: Path) -> str:
    """In a configuration that writes to one folder only and takes no rights."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    main = (
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    )
    return f"{main}http {{\naccess_log off;\n{folders}{site}}}\n"


def wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.02)
    raise AssertionError((folder / "error.log").read_text())


def spellings(name: str) -> tuple[str, ...]:
    """A header that some servers cannot tell from the one of this name."""
    return name, name.title(), name.upper(), name.replace("-", "_")


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_the_client_is_asked_for_one(http: httpx2.Client) -> None:
    """STD-02, RFC 6750 §3."""
    answer = http.get("/orders")

    assert answer.status_code == 401
    assert len(answer.headers.get_list("www-authenticate")) == 1
    assert answer.headers["www-authenticate"].startswith('Bearer realm="')
    assert "resource_metadata=" in answer.headers["www-authenticate"]
    assert "error=" not in answer.headers["www-authenticate"]


def test_with_a_good_token_the_request_passes_and_says_whose_it_is(
    http: httpx2.Client, made: MadeApp, organization: Organization, token: str
) -> None:
    seen = reached(http.get("/orders?page=2", headers=bearing(token)))

    assert (seen.method, seen.path) == ("GET", "/orders?page=2")
    assert len(seen.all("x-auth-account")) == 1
    assert seen.all("x-auth-kind") == ["machine"]
    assert seen.all("x-auth-organization") == [str(organization.id)]
    assert seen.all("x-auth-client") == [made.client_id]
    assert seen.all("x-auth-scope") == [f"{READ} {WRITE}"]
    assert seen.all("authorization") == []


def test_what_a_client_says_about_itself_never_arrives(
    live: World, http: httpx2.Client, admin: Account, token: str
) -> None:
    """Neither beside what the platform says, nor in place of a header that it leaves empty."""
    smuggled = [(one, "mallory") for name in IDENTITY for one in spellings(name)]
    for value in (token, live.token(admin)):
        seen = reached(http.get("/", headers=[*smuggled, *bearing(value).items()]))

        assert "mallory" not in {value for _, value in seen.headers}
        assert all(len(seen.all(name)) <= 1 for name in IDENTITY)


def test_a_token_with_very_many_scopes_passes_too(live: World, http: httpx2.Client, admin: Account) -> None:
    """And one without a client arrives without one."""
    seen = reached(http.get("/", headers=bearing(live.token(admin))))

    assert len(seen.all("x-auth-scope")[0]) > 2000
    assert seen.all("x-auth-kind") == ["person"]
    assert seen.all("x-auth-client") == []


def test_a_missing_scope_is_named(live: World, http: httpx2.Client, admin: Account) -> None:
    """STD-02, RFC 6750 §3.1."""
    answer = http.get("/", headers=bearing(live.token(admin, "spark:people_read")))

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert f'scope="{READ}"' in answer.headers["www-authenticate"]


def test_nothing_that_a_client_sends_lowers_the_demand(
    live: World, http: httpx2.Client, admin: Account
) -> None:
    poor = bearing(live.token(admin, "spark:people_read"))
    tricks: list[tuple[str, dict[str, str]]] = [
        ("/", {"X-Required-Scope": "spark:people_read"}),
        ("/?scope=spark:people_read", {}),
        ("/may-read-people", {}),
        ("/?resource=x", {"X-Original-URI": "/v1/authz?scope=spark:people_read"}),
        ("/v1/authz?scope=spark:people_read", {"X-HTTP-Method-Override": "OPTIONS"}),
    ]
    answers = [http.get(path, headers=poor | more) for path, more in tricks]

    assert [one.status_code for one in answers] == [403, 403, 404, 403, 403]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_every_method_passes_or_is_refused_alike(http: httpx2.Client, token: str, method: str) -> None:
    passed = http.request(method, "/orders", headers=bearing(token))

    assert passed.status_code == 200
    assert method == "HEAD" or reached(passed).method == method
    assert http.request(method, "/orders").status_code == 401


def test_a_body_goes_to_the_protected_server_and_to_nobody_else(http: httpx2.Client, token: str) -> None:
    body = b"x" * 1_000_000
    seen = reached(http.post("/orders", content=body, headers=bearing(token)))

    assert seen.length == len(body)
    assert http.post("/orders", content=body).status_code == 401


class TestBoundTokens:
    """TOK-10, TOK-11: a proof is for the request as the client sent it."""

    @pytest.fixture
    def bound(self, live: World, live_url: str, made: MadeApp) -> Iterator[OAuthClient]:
        with httpx2.Client(base_url=live_url) as http:
            yield OAuthClient(live, http, made, dpop=KEYS["ES256"])

    @pytest.fixture
    def bound_token(self, live: World, bound: OAuthClient, organization: Organization) -> str:
        pair = live.retrieve(bound.made, organization)
        answer = bound.refresh(pair.refresh_token.reveal())
        assert answer.json()["token_type"] == "DPoP", answer.text
        value: str = answer.json()["access_token"]
        return value

    def proving(
        self, bound: OAuthClient, token: str, method: str, path: str, **changes: Any
    ) -> dict[str, str]:
        claims = {"htu": f"{API}{path}"} | changes
        return {
            "Authorization": f"DPoP {token}",
            "DPoP": bound.proof(method, path, access_token=token, **claims),
        }

    def test_with_its_proof_a_bound_token_passes_once(
        self, http: httpx2.Client, bound: OAuthClient, bound_token: str
    ) -> None:
        headers = self.proving(bound, bound_token, "PUT", "/orders/7")
        first, again = (http.put("/orders/7?full=1", headers=headers) for _ in range(2))

        assert reached(first).path == "/orders/7?full=1"
        assert again.status_code == 401
        assert 'error="invalid_dpop_proof"' in again.headers["www-authenticate"]

    def test_a_proof_for_another_request_does_not(
        self, http: httpx2.Client, bound: OAuthClient, bound_token: str
    ) -> None:
        wrong: list[dict[str, Any]] = [
            {"htm": "GET"},
            {"htu": f"{API}/orders/8"},
            {"htu": "https://evil.example/orders/7"},
        ]
        answers = [
            http.put("/orders/7", headers=self.proving(bound, bound_token, "PUT", "/orders/7", **one))
            for one in wrong
        ]

        assert [one.status_code for one in answers] == [401] * 3
        assert all(one.headers["www-authenticate"].startswith("DPoP ") for one in answers)

    def test_nor_one_that_the_client_tells_another_story_about(
        self, http: httpx2.Client, bound: OAuthClient, bound_token: str
    ) -> None:
        """A proof that another server was given is worth nothing here."""
        stories: list[dict[str, str]] = [
            {"Host": "evil.example"},
            {"X-Original-URL": "https://evil.example/x", "X-Original-Method": "GET"},
            {"X-Original-URI": "https://evil.example/x"},
            {
                "X-Forwarded-Method": "GET",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Uri": "/x",
            },
        ]
        answers = [
            http.get(
                "/x",
                headers=self.proving(bound, bound_token, "GET", "/x", htu="https://evil.example/x") | one,
            )
            for one in stories
        ]

        assert [one.status_code for one in answers] == [401] * len(stories)

    def test_the_nonce_reaches_the_client(
        self, http: httpx2.Client, bound: OAuthClient, bound_token: str
    ) -> None:
        """RFC 9449 §9."""
        answer = http.get("/x", headers=self.proving(bound, bound_token, "GET", "/x", nonce=None))
        nonce = answer.headers["dpop-nonce"]
        again = http.get("/x", headers=self.proving(bound, bound_token, "GET", "/x", nonce=nonce))

        assert 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]
        assert (answer.status_code, again.status_code) == (401, 200)

    def test_without_its_proof_it_does_not_pass(self, http: httpx2.Client, bound_token: str) -> None:
        assert http.get("/", headers=bearing(bound_token)).status_code == 401
        assert http.get("/", headers={"Authorization": f"DPoP {bound_token}"}).status_code == 401


def test_after_deauthorization_nothing_passes_any_more(
    live: World, http: httpx2.Client, made: MadeApp, admin: Account, token: str
) -> None:
    """REV-09."""
    assert http.get("/", headers=bearing(token)).status_code == 200
    live.deauthorize(made, admin)
    ended = time.monotonic()
    passed_last = ended
    while time.monotonic() < ended + BOUND + 0.5:
        if http.get("/", headers=bearing(token)).status_code != 401:
            passed_last = time.monotonic()

    assert passed_last - ended <= BOUND


def test_without_the_platform_nothing_passes(new_nginx: Callable[..., str], token: str) -> None:
    with httpx2.Client(base_url=new_nginx(f"127.0.0.1:{free_port()}")) as http:
        answers = [http.get("/", headers=one) for one in (bearing(token), {})]

    assert [one.status_code for one in answers] == [500, 500]


@pytest.mark.parametrize("demand", ["scopes=a", "resource=https://unknown.example", "scope=%ff"])
def test_what_the_platform_does_not_understand_does_not_pass(
    new_nginx: Callable[..., str], live_url: str, token: str, demand: str
) -> None:
    """A misspelled demand is an error, not an open door."""
    with httpx2.Client(base_url=new_nginx(live_url.removeprefix("http://"), demand=demand)) as http:
        answer = http.get("/", headers=bearing(token))

    assert answer.status_code == 500
