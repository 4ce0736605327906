"""Allowing apps in a real browser: consent, the way out to every kind of client, device code, disconnecting."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from appanage.apps.model import App, ClientProof
from appanage.directory.model import Account
from support.consenting import allow, block, integration, parameters_for, show_code
from support.person import Person
from support.world import PASSWORD, World


@dataclass
class Client:
    """A client's own web server, which keeps the answers that browsers bring, and may send the browser on."""

    server: ThreadingHTTPServer
    sends_on_to: str = ""
    answers: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/callback", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server.server_port}{path}"

    def receive(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0))).decode()
        query = urlsplit(handler.path)
        if query.path != "/favicon.ico":
            self.answers.append((handler.command, dict(parse_qsl(body or query.query))))
        handler.send_response(302 if self.sends_on_to and query.path == "/callback" else 200)
        if self.sends_on_to:
            handler.send_header("Location", self.sends_on_to)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.wfile.write(b"<!doctype html><title>The client</title><h1>Welcome back</h1>")


@pytest.fixture
def new_client() -> Iterator[Callable[..., Client]]:
    begun: list[Client] = []

    def make(**options: Any) -> Client:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                made.receive(self)

            do_POST = do_GET  # noqa: N815  # the name that the base class asks for

            def log_message(self, *_: object) -> None:
                pass

        made = Client(ThreadingHTTPServer(("127.0.0.1", 0), Handler), **options)
        threading.Thread(target=made.server.serve_forever, daemon=True).start()
        begun.append(made)
        return made

    yield make
    for one in begun:
        one.server.shutdown()
        one.server.server_close()


@pytest.fixture
def client(new_client: Callable[..., Client]) -> Client:
    return new_client()


@pytest.fixture
def lena(live: World) -> Account:
    return live.person(live.organization("Northwind Traders"), name="Lena Vogt", password=PASSWORD)


def native_app(live: World, *redirect_urls: str, **draft: Any) -> App:
    return integration(live, redirect_urls=redirect_urls, client_proof=ClientProof.NONE, **draft)


def come_from(person: Person, app: App, **changes: str | None) -> None:
    person.go(f"/v1/authorize?{urlencode(parameters_for(app, **changes))}")


def fill_in_sign_in(person: Person, account: Account) -> None:
    person.page.get_by_label("E-mail").fill(account.email)
    person.page.get_by_label("Password").fill(PASSWORD)
    person.press("Sign in")


def wait_for_welcome(page: Page) -> None:
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_a_person_allows_declines_and_disconnects_an_app_and_connects_a_device(
    live: World, sit_down: Callable[..., Person], client: Client, lena: Account
) -> None:
    app = native_app(live, client.url())
    person = sit_down("consent")
    page = person.page

    come_from(person, app)
    person.look("sign in for an app")
    fill_in_sign_in(person, lena)
    expect(page.get_by_role("heading", name="Desk Booking wants to use your account")).to_be_visible()
    person.look("consent")
    person.press("Allow")
    wait_for_welcome(page)

    assert client.answers[-1][1].keys() == {"code", "state", "iss"}

    come_from(person, app, prompt="select_account")
    person.look("choose an account")
    person.press("Continue as Lena Vogt")
    person.look("consent with nothing new")
    person.press("Don’t allow")
    wait_for_welcome(page)

    assert client.answers[-1][1]["error"] == "access_denied"

    person.go("/account/connected-apps")
    person.look("connected apps")
    person.follow("Desk Booking")
    person.look("connected app")
    person.follow("Disconnect…")
    person.look("disconnect")
    person.press("Disconnect Desk Booking")
    expect(page.get_by_text("Desk Booking is disconnected.")).to_be_visible()
    person.look("no connected apps")

    person.go("/verify")
    person.look("device code")
    page.get_by_label("Code").fill("bcdf ghjk")
    person.press("Continue")
    expect(page.get_by_text("This code is not valid any more").first).to_be_visible()
    person.look("wrong device code")
    page.get_by_label("Code").fill(show_code(live, app).lower())
    person.press("Continue")
    person.look("device")
    person.press("Allow")
    person.look("device connected")
    person.follow("See your connected apps")
    expect(page.get_by_role("link", name="Desk Booking")).to_be_visible()


def test_an_app_asks_for_more_and_is_blocked(
    live: World, sit_down: Callable[..., Person], client: Client, lena: Account
) -> None:
    app = native_app(live, client.url())
    allow(live, app, lena, "spark:people_read")
    person = sit_down("consent-for-more")
    person.sign_in(lena)

    come_from(person, app)
    person.look("more permissions")
    block(live, app, lena.organization)
    person.press("Allow")
    expect(
        person.page.get_by_role("heading", name="Desk Booking is blocked by your organization")
    ).to_be_visible()
    person.complaints.clear()  # a page that refuses has the status of a refusal
    person.look("blocked")
    person.follow(f"Back to {urlsplit(client.url()).netloc}")
    wait_for_welcome(person.page)

    assert client.answers[-1][1]["error"] == "access_denied"


@pytest.mark.parametrize("javascript", [True, False])
def test_an_app_signs_a_person_out(
    live: World, sit_down: Callable[..., Person], client: Client, lena: Account, javascript: bool
) -> None:
    app = native_app(live, client.url(), sign_out_urls=[client.url("/goodbye")])
    person = sit_down("sign-out", javascript=javascript)
    person.go("/login")
    fill_in_sign_in(person, lena)

    target = {"client_id": app.client_id, "post_logout_redirect_uri": client.url("/goodbye"), "state": "s"}
    person.go(f"/v1/logout?{urlencode(target)}")
    if javascript:
        person.look("sign out")
    person.press("Sign out")
    wait_for_welcome(person.page)

    assert client.answers[-1] == ("GET", {"state": "s"})

    person.go("/v1/logout")
    expect(person.page.get_by_role("heading", name="You are signed out")).to_be_visible()


class TestTheWayOut:
    """UI guide §9: redirects of every kind arrive, and no policy is violated (decision 0011)."""

    @pytest.fixture
    def person(self, sit_down: Callable[..., Person]) -> Person:
        return sit_down("way-out")

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_to_a_loopback_port(
        self, live: World, person: Person, client: Client, lena: Account, host: str
    ) -> None:
        come_from(person, native_app(live, client.url(host=host)))
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        assert "code" in client.answers[-1][1]
        assert person.complaints == []

    def test_to_a_port_that_was_free(
        self, live: World, person: Person, client: Client, lena: Account
    ) -> None:
        """RFC 8252 §7.3."""
        app = native_app(live, "http://127.0.0.1/callback")
        come_from(person, app, redirect_uri=client.url())
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        assert person.complaints == []

    def test_to_https(self, live: World, person: Person, lena: Account) -> None:
        arrived: list[str] = []

        def receive(route: Route) -> None:
            arrived.append(route.request.url)
            route.fulfill(body="<!doctype html><h1>Welcome back</h1>", content_type="text/html")

        person.context.route("https://desk.fabrikam.example/**", receive)
        come_from(person, integration(live))
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        assert "code=" in arrived[0]
        assert person.complaints == []

    def test_straight_from_the_sign_in_page(
        self, live: World, person: Person, client: Client, lena: Account
    ) -> None:
        """What was allowed before leads from the sign-in form to the client, without a page of ours in between."""
        app = integration(live, redirect_urls=[client.url()])
        allow(live, app, lena)
        come_from(person, app)
        fill_in_sign_in(person, lena)
        wait_for_welcome(person.page)

        assert "code" in client.answers[-1][1]
        assert person.complaints == []

    def test_to_a_client_that_redirects_on_to_another_origin(
        self, live: World, person: Person, client: Client, lena: Account, new_client: Callable[..., Client]
    ) -> None:
        door = new_client(sends_on_to=client.url("/inside", host="localhost"))
        come_from(person, native_app(live, door.url()))
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        assert "code" in door.answers[-1][1]
        assert person.page.url == client.url("/inside", host="localhost")
        assert person.complaints == []

    def test_to_a_scheme_of_the_app_s_own(self, live: World, person: Person, lena: Account) -> None:
        come_from(person, native_app(live, "com.example.desk:/callback"))
        fill_in_sign_in(person, lena)
        asked = person.context.new_cdp_session(person.page)
        asked.send("Page.enable")
        wanted: list[str] = []
        asked.on("Page.frameRequestedNavigation", lambda event: wanted.append(event["url"]))
        person.press("Allow")
        person.page.wait_for_load_state("networkidle")
        link = person.page.get_by_role("link", name="Continue in the app")
        expect(link).to_have_attribute("href", wanted[-1])
        assert wanted[-1].startswith("com.example.desk:/callback?code=")
        assert [one for one in person.complaints if "Content Security Policy" in one] == []

    def test_by_form_post(self, live: World, person: Person, client: Client, lena: Account) -> None:
        come_from(person, native_app(live, client.url()), response_mode="form_post")
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        method, answer = client.answers[-1]
        assert method == "POST"
        assert answer.keys() == {"code", "state", "iss"}
        assert person.complaints == []

    def test_by_form_post_without_javascript(
        self, live: World, sit_down: Callable[..., Person], client: Client, lena: Account
    ) -> None:
        person = sit_down("way-out-without-javascript", javascript=False)
        come_from(person, native_app(live, client.url()), response_mode="form_post")
        fill_in_sign_in(person, lena)
        person.press("Allow")
        person.press(f"Continue to {urlsplit(client.url()).netloc}")
        wait_for_welcome(person.page)

        assert client.answers[-1][0] == "POST"

    def test_by_form_post_to_a_client_that_redirects_on_to_another_origin(
        self, live: World, person: Person, client: Client, lena: Account, new_client: Callable[..., Client]
    ) -> None:
        door = new_client(sends_on_to=client.url("/inside", host="localhost"))
        come_from(person, native_app(live, door.url()), response_mode="form_post")
        fill_in_sign_in(person, lena)
        person.press("Allow")
        wait_for_welcome(person.page)

        assert person.page.url == client.url("/inside", host="localhost")
        assert person.complaints == []

    def test_in_a_window_that_the_client_opened_and_waits_for(
        self, live: World, person: Person, client: Client, lena: Account
    ) -> None:
        """Sign-in in a popup: the client's page listens to the window until its own callback speaks there."""
        app = native_app(live, client.url())
        address = f"{person.base_url}/v1/authorize?{urlencode(parameters_for(app))}"
        person.page.goto(client.url("/home"))
        with person.page.expect_popup() as opened:
            person.page.evaluate("address => { window.popup = window.open(address); }", address)
        popup = opened.value
        popup.get_by_label("E-mail").fill(lena.email)
        popup.get_by_label("Password").fill(PASSWORD)
        popup.get_by_role("button", name="Sign in", exact=True).click()
        popup.get_by_role("button", name="Allow", exact=True).click()
        wait_for_welcome(popup)

        assert popup.evaluate("window.opener !== null")
        assert not person.page.evaluate("window.popup.closed")
