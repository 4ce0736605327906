"""What an Integration is kept from: others' tokens, its person's other apps, what was never or is no longer allowed."""

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from appanage.api.call import OWN_TOKEN_NEEDED
from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.model import ClientProof
from appanage.authorizations import consents
from appanage.authorizations.model import Authorization, PushedRequest, SpentProof
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.oauth.access_tokens import AccessClaims
from support.browser import Browser
from support.clock import MovableClock
from support.consenting import ask, show_code
from support.integration import (
    DEVICE_AUTHORIZE,
    TOKEN,
    TOKEN_EXCHANGE,
    OAuthClient,
    connect,
    families,
    go,
    leave,
    register,
    sign_in_quickly,
    suspend,
)
from support.keys import KEYS
from support.refusals import state
from support.world import CALLBACK, MadeApp, World

FILES = "https://files.example/api"
CALENDAR = "https://calendar.example/api"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
READS, WRITES = "spark:rooms_read", "spark:rooms_write"


@pytest.fixture
def deployment(new_deployment: Callable[..., Deployment]) -> Deployment:
    """With two resource servers beside the platform's own API."""
    return new_deployment(resources=[FILES, CALENDAR])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make_strict(world: World, made: MadeApp) -> None:
    with world.deployment.transaction(world.origin) as tx:
        app = apps.get_app(tx, made.id)
        app_service.set_rules(tx, app, is_strict=True, pushes_requests=app.pushes_requests, by=app.creator)
        made.app = app


def authorizations_of(world: World, person: Account) -> list[Authorization]:
    with world.deployment.transaction(world.origin) as tx:
        return list(tx.scalars(select(Authorization).where(Authorization.account_id == person.id)))


def exchange(client: OAuthClient, access_token: str, **changes: str) -> Any:
    usual = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": access_token,
        "subject_token_type": ACCESS_TOKEN,
    }
    return client.post(TOKEN, usual | changes)


class TestDevelopers:
    """People who connected an Integration are no organization that authorized it (checklist AUD-05, TOK-17)."""

    def test_get_no_tokens_of_people(
        self, world: World, client: TestClient, desk: OAuthClient, home: Organization
    ):
        wanted = {
            "clientId": desk.client_id,
            "clientSecret": desk.made.secret,
            "targetOrgId": world.organization_id(home),
        }
        path = f"/v1/applications/{world.app_id(desk.made)}/token"
        headers = bearer(world.token(desk.made.developer))
        before = state(world)
        answer = client.post(path, json=wanted, headers=headers)

        assert answer.status_code == 409
        assert "access_token" not in answer.text
        assert state(world) == before

    def test_ask_no_administrators_about_it(self, world: World, client: TestClient, desk: OAuthClient):
        path = f"/v1/applications/{world.app_id(desk.made)}"
        headers = bearer(world.token(desk.made.developer))
        asked = client.post(f"{path}/authorizationRequests", json={}, headers=headers)

        assert asked.status_code == 409
        assert "orgSubmissionStatus" not in client.get(path, headers=headers).json()
        assert world.events(desk.owner, "authorization.requested") == []

    def test_see_no_people_among_the_organizations_that_authorized(
        self, world: World, client: TestClient, desk: OAuthClient, home: Organization
    ):
        connect(world, desk.made, world.person(desk.owner))
        path = f"/v1/applications/{world.app_id(desk.made)}"
        headers = bearer(world.token(desk.made.developer))
        listed = client.get(f"{path}/authorizations", headers=headers)
        of_one = client.get(
            f"{path}/authorizations", params={"orgId": world.organization_id(home)}, headers=headers
        )

        assert listed.json() == of_one.json() == {"items": []}
        assert "orgSubmissionStatus" not in client.get(path, headers=headers).json()


ON_APPS = [
    ("POST", "", '{"name": "Shadow", "type": "integration"}'),
    ("PUT", "/{app}", '{"name": "Shadow", "redirectUrls": ["https://evil.example/cb"]}'),
    ("PATCH", "/{app}", '{"redirectUrls": ["https://evil.example/cb"]}'),
    ("DELETE", "/{app}", ""),
    ("PUT", "/{app}/logo", "a picture"),
    ("DELETE", "/{app}/logo", ""),
    ("POST", "/{app}/clientSecrets", "{}"),
    ("DELETE", "/{app}/clientSecret", ""),
    ("DELETE", f"/{{app}}/clientSecrets/{uuid.uuid4()}", ""),
    ("POST", "/{app}/clientKeys", '{"key": "{}"}'),
    ("DELETE", f"/{{app}}/clientKeys/{uuid.uuid4()}", ""),
    ("POST", "/{app}/authorizationRequests", "{}"),
    ("POST", "/{app}/shares", f'{{"orgId": "{uuid.uuid4()}"}}'),
    ("DELETE", f"/{{app}}/shares/{uuid.uuid4()}", ""),
    ("POST", "/{app}/authorize", "{}"),
    ("POST", "/{app}/deauthorize", "{}"),
]
"""Every way to change an app of one's own, or to decide on it."""


@pytest.mark.parametrize("scope", ["spark:applications_token", "spark:all"])
def test_an_app_that_acts_for_a_developer_reaches_none_of_their_apps(
    world: World, client: TestClient, new_browser: Any, scope: str
):
    """Whoever is allowed to fetch tokens, or everything, cannot make itself more of that (checklist CONS-06)."""
    organization = world.organization()
    developer = world.full_admin(organization)
    guest = OAuthClient(world, client, world.integration(scopes=[scope]))
    connect(world, guest.made, developer)
    theirs, authorized = world.integration(developer), world.service_app(developer)
    world.authorize(authorized, developer)
    token = guest.tokens(sign_in_quickly(world, new_browser(), developer))["access_token"]
    before = state(world)
    answers = []
    for made, (method, path, body) in itertools.product((theirs, authorized), ON_APPS):
        url = "/v1/applications" + path.format(app=world.app_id(made))
        answers.append(client.request(method, url, headers=bearer(token), content=body))

    assert {(one.status_code, one.json()["message"]) for one in answers} == {(403, OWN_TOKEN_NEEDED)}
    assert state(world) == before


class TestFloods:
    """Nobody proves anything, so it is counted where it comes from, and nothing is kept beyond that."""

    def test_pushed_requests_of_a_public_client_are_limited(
        self, world: World, panel: OAuthClient, on_another_node: Callable[..., OAuthClient]
    ):
        client = on_another_node(panel, beginnings_per_source=3)
        answers = [client.push() for _ in range(5)]

        kept = select(func.count()).select_from(PushedRequest).where(PushedRequest.app_id == panel.made.id)
        assert [one.status_code for one in answers] == [201, 201, 201, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        with world.deployment.transaction(world.origin) as tx:
            assert tx.scalar(kept) == 3

    def test_those_of_a_client_that_proves_itself_are_not(
        self, desk: OAuthClient, on_another_node: Callable[..., OAuthClient]
    ):
        client = on_another_node(desk, beginnings_per_source=1)

        assert [client.push().status_code for _ in range(3)] == [201, 201, 201]

    def test_proofs_that_come_with_a_mere_name_are_limited(
        self, world: World, new_client: Any, on_another_node: Callable[..., OAuthClient]
    ):
        panel = new_client(client_proof=ClientProof.NONE, dpop=KEYS["ES256"])
        client = on_another_node(panel, beginnings_per_source=3)
        before = spent_proofs(world)
        answers = [client.refresh("apn_rt_nonsense") for _ in range(5)]

        assert [one.status_code for one in answers] == [400, 400, 400, 429, 429]
        assert spent_proofs(world) == before + 3

    def test_a_device_that_begins_proves_nothing_so_its_proofs_are_not_even_read(
        self, world: World, client: TestClient, desk: OAuthClient
    ):
        before = spent_proofs(world)
        proof = {"DPoP": desk.proof("POST", DEVICE_AUTHORIZE)}
        named = {"client_id": desk.client_id, "scope": READS}
        answers = [
            client.post(DEVICE_AUTHORIZE, data=named, headers=headers)
            for headers in (proof, proof, {"DPoP": "a.b.c"})
        ]

        assert [one.status_code for one in answers] == [200, 200, 200]
        assert spent_proofs(world) == before


def spent_proofs(world: World) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(SpentProof)) or 0


class TestResources:
    """A person consents to each resource by itself (RFC 8707, checklist CONS-02)."""

    @pytest.fixture
    def client_of_lena(self, new_client: Any) -> OAuthClient:
        client: OAuthClient = new_client(connected=False)
        return client

    @pytest.fixture
    def allow(
        self, world: World, client_of_lena: OAuthClient, lena: Account
    ) -> Callable[[set[str], str | None], None]:
        """Lena has allowed something somewhere at some earlier time."""

        def at(scopes: set[str], resource: str | None) -> None:
            with world.deployment.transaction(world.origin) as tx:
                app = apps.get_app(tx, client_of_lena.made.id)
                person = directory.get_account(tx, lena.organization_id, lena.id)
                consents.allow(tx, app, person, scopes=scopes, resource=resource)

        return at

    def is_asked(self, browser: Browser, client: OAuthClient, scope: str, resource: str | None) -> bool:
        answer = go(browser, client.made, scope=scope, resource=resource)
        assert answer.status_code == 302
        return answer.headers["location"].startswith("/oauth/authorize/")

    def claims(self, world: World, access_token: str) -> AccessClaims:
        with world.deployment.transaction(world.origin) as tx:
            return world.deployment.verifier.claims_of(tx, access_token)

    @pytest.mark.parametrize(
        ("allowed_at", "asked_at"),
        [(None, FILES), (FILES, None), (FILES, CALENDAR)],
        ids=["platform, then resource", "resource, then platform", "resource, then another"],
    )
    def test_what_was_allowed_at_one_is_asked_again_at_another(
        self,
        at_desk: Browser,
        client_of_lena: OAuthClient,
        allow: Any,
        allowed_at: str | None,
        asked_at: str | None,
    ):
        allow({READS}, allowed_at)

        assert not self.is_asked(at_desk, client_of_lena, READS, allowed_at)
        assert self.is_asked(at_desk, client_of_lena, READS, asked_at)
        answer = leave(at_desk, client_of_lena.made, scope=READS, resource=asked_at, prompt="none").answer
        assert answer["error"] == "consent_required"

    def test_scopes_of_two_resources_are_never_mixed(
        self, at_desk: Browser, client_of_lena: OAuthClient, allow: Any
    ):
        allow({READS}, FILES)
        allow({WRITES}, None)

        assert self.is_asked(at_desk, client_of_lena, WRITES, FILES)
        assert self.is_asked(at_desk, client_of_lena, READS, None)
        assert not self.is_asked(at_desk, client_of_lena, READS, FILES)
        assert not self.is_asked(at_desk, client_of_lena, WRITES, None)

    def test_a_token_for_a_resource_comes_of_the_consent_there(
        self, world: World, at_desk: Browser, client_of_lena: OAuthClient
    ):
        said = ask(at_desk, client_of_lena.made.app, scope=READS, resource=FILES).text
        at_desk.submit("/oauth/authorize/", {"decision": "allow"})
        body = client_of_lena.tokens(at_desk, scope=READS, resource=FILES)
        claims = self.claims(world, body["access_token"])
        elsewhere = client_of_lena.refresh(body["refresh_token"], resource=CALENDAR)

        assert f"Do this at {FILES}" in said
        assert (claims.audience, claims.scopes) == (FILES, frozenset({READS}))
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (400, "invalid_target")

    def test_an_exchange_for_a_resource_gives_what_was_consented_to_there(
        self, world: World, at_desk: Browser, client_of_lena: OAuthClient, allow: Any
    ):
        """RFC 8693, TOK-16."""
        allow({READS, WRITES}, None)
        allow({READS}, FILES)
        body = client_of_lena.tokens(at_desk, scope=f"{READS} {WRITES}")
        narrowed = exchange(client_of_lena, body["access_token"], resource=FILES)
        too_much = exchange(client_of_lena, body["access_token"], resource=FILES, scope=WRITES)
        nowhere = exchange(client_of_lena, body["access_token"], resource=CALENDAR)

        claims = self.claims(world, narrowed.json()["access_token"])
        assert (claims.audience, claims.scopes) == (FILES, frozenset({READS}))
        assert (too_much.status_code, too_much.json()["error"]) == (400, "invalid_scope")
        assert (nowhere.status_code, nowhere.json()["error"]) == (400, "invalid_target")

    def test_an_exchange_of_scopes_that_were_not_consented_to_there_is_refused(
        self, at_desk: Browser, client_of_lena: OAuthClient, allow: Any
    ):
        allow({WRITES}, None)
        allow({READS}, FILES)
        body = client_of_lena.tokens(at_desk, scope=WRITES)
        refused = exchange(client_of_lena, body["access_token"], resource=FILES)

        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


class TestWhatIsLeft:
    """An app or a person loses scopes, a client its secret, a rule becomes stricter: what was given before is less."""

    def test_nothing_left_is_nothing_given(self, world: World, at_desk: Browser, desk: OAuthClient):
        """Not an empty token, which would be one for everything that asks for no scope (checklist CONS-04)."""
        body = desk.tokens(at_desk, scope=READS)
        register(world, desk.made, scopes=("spark:people_read",))
        refused = [
            desk.refresh(body["refresh_token"]),
            desk.refresh(body["refresh_token"], scope=READS),
            exchange(desk, body["access_token"]),
        ]

        assert [one.status_code for one in refused] == [400, 400, 400]
        assert {one.json()["error"] for one in refused} == {"invalid_scope"}

    def test_a_code_for_scopes_that_are_gone_is_worth_nothing(
        self, world: World, at_desk: Browser, desk: OAuthClient
    ):
        code = desk.code(at_desk, scope=READS)
        register(world, desk.made, scopes=("spark:people_read",))

        assert desk.redeem(code).json()["error"] == "invalid_grant"

    def test_refresh_tokens_of_a_client_with_a_secret_end_with_the_secret(
        self, world: World, at_desk: Browser, desk: OAuthClient
    ):
        """Of a public client anybody could use them who finds one (RFC 9700 §4.14)."""
        body = desk.tokens(at_desk)
        register(world, desk.made, client_proof=ClientProof.NONE)
        refused = desk.refresh(body["refresh_token"])
        fresh = desk.tokens(at_desk)

        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert desk.refresh(fresh["refresh_token"]).status_code == 200

    def test_strict_mode_gives_a_family_that_is_there_an_end(
        self, world: World, at_desk: Browser, new_client: Any, clock: MovableClock
    ):
        client: OAuthClient = new_client(dpop=KEYS["ES256"])
        value = client.tokens(at_desk)["refresh_token"]
        assert families(world, client.made)[0].ends_at is None
        make_strict(world, client.made)
        until = clock() + world.deployment.settings.lifetimes.strict_refresh_token

        value = client.refresh(value).json()["refresh_token"]
        ends_at = families(world, client.made)[0].ends_at
        clock.advance(days=59)
        value = client.refresh(value).json()["refresh_token"]
        clock.advance(days=31)

        assert ends_at is not None
        assert abs(ends_at - until) < timedelta(minutes=1)
        assert families(world, client.made)[0].ends_at == ends_at
        assert client.refresh(value).json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        "becomes",
        [
            make_strict,
            lambda world, made: register(world, made, client_proof=ClientProof.NONE),
        ],
        ids=["strict", "public"],
    )
    def test_a_request_without_pkce_is_over_when_the_app_comes_to_need_it(
        self, world: World, at_desk: Browser, new_client: Any, lena: Account, becomes: Any
    ):
        """RFC 9700 §2.1.1, REG-05: the consent page is open while the developer changes the app."""
        made = new_client(connected=False).made
        page = ask(at_desk, made.app, code_challenge=None, code_challenge_method=None)
        becomes(world, made)
        at_desk.submit("/oauth/authorize/", {"decision": "allow"}, status=404)

        at_desk.get(str(page.response.url), 404)
        assert authorizations_of(world, lena) == []

    def test_a_request_with_pkce_goes_on(
        self, world: World, at_desk: Browser, new_client: Any, lena: Account
    ):
        made = new_client(connected=False).made
        ask(at_desk, made.app)
        make_strict(world, made)
        at_desk.submit("/oauth/authorize/", {"decision": "allow"})

        assert [one.is_active for one in authorizations_of(world, lena)] == [True]


@pytest.mark.parametrize(
    "happens",
    [
        lambda world, made: suspend(world, made.app),
        lambda world, made: register(world, made, scopes=(READS,)),
    ],
    ids=["suspended", "asks for less"],
)
class TestDevices:
    """What a device asked for is looked at again when a person comes (checklist REG-05)."""

    def test_a_code_of_an_app_that_may_not_ask_any_more_is_not_valid(
        self, world: World, at_desk: Browser, new_client: Any, lena: Account, happens: Any
    ):
        made = new_client(connected=False).made
        code = show_code(world, made.app)
        happens(world, made)
        at_desk.get("/verify")
        page = at_desk.submit("/verify", {"user_code": code}, status=422)

        assert "This code is not valid any more, or never was." in page.text
        assert authorizations_of(world, lena) == []

    def test_one_that_was_entered_before_cannot_be_allowed(
        self, world: World, client: TestClient, at_desk: Browser, new_client: Any, lena: Account, happens: Any
    ):
        oauth: OAuthClient = new_client(connected=False)
        asked = {"client_id": oauth.client_id, "scope": " ".join(oauth.made.app.scopes)}
        begun = client.post(DEVICE_AUTHORIZE, data=asked).json()
        at_desk.get("/verify")
        page = at_desk.submit("/verify", {"user_code": begun["user_code"]})
        happens(world, oauth.made)
        at_desk.submit("/verify/", {"decision": "allow"}, status=404)

        at_desk.get(str(page.response.url), 404)
        assert authorizations_of(world, lena) == []
        assert "access_token" not in oauth.poll(begun["device_code"]).json()


class TestWhatIsTold:
    """No more than somebody needs to know of a person or a browser."""

    def test_introspection_names_the_address_of_a_person_only_with_the_scope_email(
        self, at_desk: Browser, desk: OAuthClient, lena: Account
    ):
        """OpenID Connect Core §5.4."""
        plain = desk.tokens(at_desk, scope=READS)
        known = desk.tokens(at_desk, scope=f"openid email {READS}")
        told = desk.introspect(plain["access_token"])

        assert told["active"]
        assert "username" not in told
        assert lena.email not in str([told, desk.introspect(plain["refresh_token"])])
        assert desk.introspect(known["access_token"])["username"] == lena.email

    def test_that_of_a_machine_account_is_told(self, world: World, client: TestClient):
        organization = world.organization()
        made = world.service_app(world.developer(organization))
        machine = world.authorize(made, world.full_admin(organization)).account
        token = world.retrieve(made, organization).access_token.reveal()

        assert OAuthClient(world, client, made).introspect(token)["username"] == machine.email

    def test_to_ask_whether_somebody_is_there_is_no_event(
        self, world: World, browser: Browser, new_browser: Any, new_client: Any, lena: Account
    ):
        """OpenID Connect Core §3.1.2.1: a client asks that all day long."""
        stranger: OAuthClient = new_client(connected=False)
        public: OAuthClient = new_client(client_proof=ClientProof.NONE, redirect_urls=["http://127.0.0.1/cb"])
        signed_in = sign_in_quickly(world, new_browser(), lena)
        told = [
            leave(browser, stranger.made, prompt="none").answer["error"],
            leave(signed_in, stranger.made, prompt="none").answer["error"],
            leave(signed_in, public.made, prompt="none").answer["error"],
        ]

        assert told == ["login_required", "consent_required", "interaction_required"]
        assert world.events(stranger.owner, "authorization_request.refused") == []
        assert world.events(public.owner, "authorization_request.refused") == []

    def test_what_was_wrong_with_a_request_is_told_without_whose_browser_it_was(
        self, world: World, client: TestClient, at_desk: Browser, desk: OAuthClient, clock: MovableClock
    ):
        """AUD-05: a developer looks into the app, not at people elsewhere."""
        at_desk.client.headers["user-agent"] = "Lena's own browser"
        leave(at_desk, desk.made, scope="spark:nonsense")
        admin, now = world.full_admin(desk.owner), clock()
        asked = {
            "orgId": world.organization_id(desk.owner),
            "from": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%S.000Z}",
            "to": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%S.000Z}",
        }
        log = client.get("/v1/adminAudit/events", params=asked, headers=bearer(world.token(admin)))

        [event] = world.events(desk.owner, "authorization_request.refused")
        assert (event.data["error"], event.address, event.user_agent) == ("invalid_scope", "", "")
        assert "invalid_scope" in log.text
        assert "Lena's own browser" not in log.text


class TestRequests:
    def test_a_page_has_no_head(self, at_desk: Browser):
        answers = [
            at_desk.client.head(path, follow_redirects=False) for path in ("/login", "/account", "/verify")
        ]

        assert [one.status_code for one in answers] == [405, 405, 405]
        assert all("set-cookie" not in one.headers for one in answers)

    def test_to_ask_for_the_head_of_an_answer_spends_nothing(
        self, world: World, at_desk: Browser, desk: OAuthClient
    ):
        """AUTHZ-07: link checkers and proxies do."""
        pushed = {"client_id": desk.client_id, "request_uri": desk.push().json()["request_uri"]}
        before = state(world)
        head = at_desk.client.head("/v1/authorize", params=pushed, follow_redirects=False)
        kept = state(world) == before
        answer = at_desk.client.get("/v1/authorize", params=pushed, follow_redirects=False)

        assert head.status_code == 405
        assert "location" not in head.headers
        assert kept
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(CALLBACK)

    def test_a_slash_at_the_end_is_the_same_place_to_a_proof(self, at_desk: Browser, new_client: Any):
        """RFC 9449 §4.3, where both addresses answer alike."""
        client: OAuthClient = new_client(dpop=KEYS["ES256"])
        token = client.tokens(at_desk)["access_token"]
        answers = []
        for asked, proven in itertools.product(("/v1/people/me", "/v1/people/me/"), repeat=2):
            proof = client.proof("GET", proven, access_token=token)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            answers.append(client.http.get(asked, headers=headers).status_code)

        assert answers == [200, 200, 200, 200]
