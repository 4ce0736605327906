"""Forward-auth: what nginx, Envoy, Traefik and Caddy ask before they let a request pass, and what they are answered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.authorizations import consents
from appanage.authorizations.model import PersonalToken, SpentProof
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.kit.ids import Kind
from appanage.kit.secrets import digest
from appanage.storage import Database
from support.integration import withdraw
from support.keys import KEYS
from support.refusals import state
from support.world import PEOPLE_SCOPES

AUTHZ = "/v1/authz"
FILES = "https://files.example/api"
READ, WRITE = PEOPLE_SCOPES
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
IDENTITY = ("x-auth-account", "x-auth-kind", "x-auth-organization", "x-auth-client", "x-auth-scope")

# The request that waits, as each proxy tells it: where it asks, with which method, and with which headers.
METHOD, URL = "DELETE", "https://api.example/orders/7"
PROXIES: dict[str, tuple[str, str, dict[str, str]]] = {
    "nginx": (
        "GET",
        AUTHZ,
        {"Host": "127.0.0.1:8080", "X-Original-Method": METHOD, "X-Original-URL": f"{URL}?full=1"},
    ),
    "Traefik": (
        "GET",
        AUTHZ,
        {
            "Host": "appanage:8080",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Method": METHOD,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "api.example",
            "X-Forwarded-Uri": "/orders/7?full=1",
        },
    ),
    "Caddy": (
        "GET",
        AUTHZ,
        {
            "Host": "api.example",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Method": METHOD,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "api.example",
            "X-Forwarded-Uri": "/orders/7?full=1",
        },
    ),
    "Envoy": (
        METHOD,
        f"{AUTHZ}/orders/7?full=1",
        {"Host": "api.example", "X-Forwarded-Proto": "https", "Content-Length": "0"},
    ),
}
through_every_proxy = pytest.mark.parametrize("proxy", PROXIES)


@pytest.fixture
def deployment(new_deployment: Callable[..., Deployment]) -> Deployment:
    """With a resource server beside the platform's own API."""
    return new_deployment(resources=[FILES])


@pytest.fixture
def proxied(client):
    """What a proxy on the platform's own machine says, which is trusted."""
    return TestClient(client.app, base_url=str(client.base_url), client=("127.0.0.1", 40000))


@pytest.fixture
def organization(world):
    return world.organization("Northwind Traders")


@pytest.fixture
def made(world, organization):
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    return made


@pytest.fixture
def token(world, made, organization):
    """Of a machine account."""
    return world.retrieve(made, organization).access_token.reveal()


@pytest.fixture
def bound(new_client):
    """A client whose tokens are bound to its key."""
    return new_client(client_proof=ClientProof.NONE, dpop=KEYS["ES256"])


@pytest.fixture
def bound_token(bound, at_desk):
    return bound.tokens(at_desk)["access_token"]


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def proof_of(client, token: str, *, htm: str = METHOD, htu: str = URL, **changes: Any) -> str:
    proof: str = client.proof(htm, "", access_token=token, htu=htu, **changes)
    return proof


def proving(client, token: str, **changes: Any) -> dict[str, str]:
    return {"Authorization": f"DPoP {token}", "DPoP": proof_of(client, token, **changes)}


def asked_by(http, proxy: str, headers: dict[str, str]):
    """The proxy asks about the request that waits, with these headers of the client."""
    method, path, told = PROXIES[proxy]
    return http.request(method, path, headers=headers | told)


def is_challenge(answer, status: int, error: str | None, scheme: str = "Bearer") -> bool:
    """Whether a refusal is whole: status, body, and the header that programs go by."""
    header, body = answer.headers["www-authenticate"], answer.json()
    return (
        answer.status_code == status
        and header.startswith(f"{scheme} realm=")
        and (f'error="{error}"' in header if error else "error=" not in header)
        and body["error"] == (error or "invalid_token")
        and body["message"] == body["error_description"]
        and body["trackingId"] == answer.headers["trackingid"]
        and answer.headers["cache-control"] == "no-store"
        and not any(name in answer.headers for name in IDENTITY)
    )


class TestWhoCalls:
    def test_of_an_app_the_machine_account(self, world, client, made, token, organization):
        answer = client.get(AUTHZ, headers=bearing(token))
        me = client.get("/v1/people/me", headers=bearing(token)).json()

        assert (answer.status_code, answer.content) == (200, b"")
        assert {name: answer.headers[name] for name in IDENTITY} == {
            "x-auth-account": str(world.deployment.ids.decode(Kind.PEOPLE, me["id"])),
            "x-auth-kind": "machine",
            "x-auth-organization": str(organization.id),
            "x-auth-client": made.client_id,
            "x-auth-scope": " ".join(sorted(PEOPLE_SCOPES)),
        }
        assert answer.headers["cache-control"] == "no-store"
        assert "www-authenticate" not in answer.headers

    def test_of_an_integration_the_person(self, client, desk, at_desk, lena):
        token = desk.tokens(at_desk, scope="spark:rooms_read openid")["access_token"]
        answer = client.get(AUTHZ, headers=bearing(token))

        assert {name: answer.headers[name] for name in IDENTITY} == {
            "x-auth-account": str(lena.id),
            "x-auth-kind": "person",
            "x-auth-organization": str(lena.organization_id),
            "x-auth-client": desk.client_id,
            "x-auth-scope": "openid spark:rooms_read",
        }

    def test_of_a_personal_token_the_person_and_no_client(self, world, client, lena):
        answer = client.get(AUTHZ, headers=bearing(world.token(lena, "spark:people_read")))

        assert answer.headers["x-auth-account"] == str(lena.id)
        assert (answer.headers["x-auth-kind"], answer.headers["x-auth-client"]) == ("person", "")
        assert answer.headers["x-auth-scope"] == "spark:people_read"

    def test_of_a_bot_its_account_and_no_client(self, world, client, organization):
        """A bot is no client."""
        made = world.bot(world.developer(organization))
        answer = client.get(AUTHZ, headers=bearing(made.token))

        assert answer.headers["x-auth-account"] == str(made.app.bot_account_id)
        assert (answer.headers["x-auth-kind"], answer.headers["x-auth-client"]) == ("bot", "")

    def test_what_the_client_says_about_itself_is_not_repeated(self, client, token):
        smuggled = dict.fromkeys(IDENTITY, "admin")
        answer = client.get(AUTHZ, headers=bearing(token) | smuggled)

        assert answer.status_code == 200
        assert "admin" not in {answer.headers[name] for name in IDENTITY}

    @pytest.mark.parametrize("path", [AUTHZ, f"{AUTHZ}/", f"{AUTHZ}/orders", f"{AUTHZ}/a%2Fb//..;x"])
    def test_every_method_asks_alike(self, client, token, path):
        """It may be the one of the request that waits; its body is nobody's business here."""
        passed = [client.request(one, path, headers=bearing(token)) for one in EVERY_METHOD]
        refused = [client.request(one, path, content=b"{") for one in EVERY_METHOD]

        assert [one.status_code for one in passed] == [200] * len(EVERY_METHOD)
        assert [one.status_code for one in refused] == [401] * len(EVERY_METHOD)

    def test_use_is_noted(self, world, client, lena):
        token = world.token(lena)
        client.get(AUTHZ, headers=bearing(token))
        with world.deployment.transaction(world.origin) as tx:
            row = tx.scalars(select(PersonalToken).where(PersonalToken.digest == digest(token))).one()

        assert row.last_used_at is not None


class TestRefusals:
    def test_without_a_token_one_is_asked_for(self, client):
        """STD-02, RFC 6750 §3.1, RFC 9728 §5.1."""
        answer = client.get(AUTHZ)

        assert is_challenge(answer, 401, None)
        assert "/.well-known/oauth-protected-resource/v1" in answer.headers["www-authenticate"]

    def test_only_one_header_in_one_spelling_presents_a_token(self, client, token):
        """TOK-08, TOK-09."""
        bad = [
            {"Authorization": one}
            for one in (
                f"Bearer  {token}",
                f"Bearer\t{token}",
                f"Bearer {token} x",
                f"Bearer {token}, Bearer {token}",
                f"Basic {token}",
                token,
                "Bearer",
                "Bearer x",
                f"Bearer {token[:-1]}",
                f"Bearer {token}{'x' * 9000}",
            )
        ]
        answers = [client.get(AUTHZ, headers=one) for one in bad]
        elsewhere = [
            client.get(AUTHZ, headers={"Cookie": f"access_token={token}"}),
            client.get(AUTHZ, headers={"X-Forwarded-Access-Token": token}),
            client.get(AUTHZ, headers={"Proxy-Authorization": f"Bearer {token}"}),
            client.post(AUTHZ, data={"access_token": token}),
        ]
        twice = client.get(AUTHZ, headers=[("Authorization", f"Bearer {token}")] * 2)

        assert all(is_challenge(one, 401, "invalid_token") for one in (*answers, twice))
        assert all(is_challenge(one, 401, None) for one in elsewhere)
        assert client.get(f"{AUTHZ}?access_token={token}").status_code == 400

    def test_what_has_ended_is_refused(self, world, client, made, token, organization):
        """REV-09."""
        assert client.get(AUTHZ, headers=bearing(token)).status_code == 200
        world.deauthorize(made, world.full_admin(organization))

        assert is_challenge(client.get(AUTHZ, headers=bearing(token)), 401, "invalid_token")

    def test_a_revoked_token_is_refused_too(self, client, desk, at_desk):
        """REV-09."""
        token = desk.tokens(at_desk)["access_token"]
        desk.revoke(token)

        assert is_challenge(client.get(AUTHZ, headers=bearing(token)), 401, "invalid_token")

    def test_and_one_whose_person_disconnected_the_app(self, world, client, desk, at_desk, lena):
        """REV-09."""
        token = desk.tokens(at_desk)["access_token"]
        withdraw(world, desk.made, lena)

        assert is_challenge(client.get(AUTHZ, headers=bearing(token)), 401, "invalid_token")

    def test_and_one_that_expired(self, client, token, clock):
        clock.advance(days=15)

        assert is_challenge(client.get(AUTHZ, headers=bearing(token)), 401, "invalid_token")

    def test_without_the_database_nobody_passes(self, world, client, token, monkeypatch):
        """AUD-10: whatever was known of the token before."""

        def gone(*_: object) -> None:
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

        assert client.get(AUTHZ, headers=bearing(token)).status_code == 200
        world.deployment.feed.stop()
        world.deployment.freshness.doubt()
        monkeypatch.setattr(Database, "transaction", gone)
        answer = client.get(AUTHZ, headers=bearing(token))

        assert answer.status_code == 503
        assert not any(name in answer.headers for name in IDENTITY)


class TestScopes:
    @pytest.mark.parametrize(
        ("query", "header", "missing"),
        [
            (READ, "", ""),
            (f"{READ} {WRITE}", "", ""),
            (READ, WRITE, ""),
            ("", READ, ""),
            ("spark:rooms_read", "", "spark:rooms_read"),
            (f"{READ} spark:rooms_read", "", "spark:rooms_read"),
            (READ, "spark:rooms_read", "spark:rooms_read"),
            ("spark:rooms_read", READ, "spark:rooms_read"),
            ("spark:rooms_write", f"{READ} spark:rooms_read", "spark:rooms_read spark:rooms_write"),
            (READ.upper(), "", READ.upper()),
        ],
    )
    def test_all_that_are_demanded_are_needed(self, client, token, query, header, missing):
        """STD-02: what is missing is named."""
        headers = bearing(token) | ({"X-Required-Scope": header} if header else {})
        answer = client.get(AUTHZ, params={"scope": query} if query else {}, headers=headers)

        assert answer.status_code == (403 if missing else 200)
        if missing:
            assert is_challenge(answer, 403, "insufficient_scope")
            assert f'scope="{missing}"' in answer.headers["www-authenticate"]

    def test_a_client_behind_the_proxy_can_only_demand_more_of_itself(self, client, token):
        configured = f"{AUTHZ}?scope=spark:rooms_read"
        smuggled = [{"X-Required-Scope": ""}, {"X-Required-Scope": READ}, {"scope": READ}]
        answers = [client.get(configured, headers=bearing(token) | one) for one in smuggled]

        assert [one.status_code for one in answers] == [403] * len(smuggled)

    def test_what_a_misspelled_demand_could_be_is_refused(self, client, token):
        answers = [
            client.get(f"{AUTHZ}?{query}", headers=bearing(token))
            for query in ("scopes=a", f"resource={FILES}&resource={FILES}", "scope=%ff")
        ]
        unknown = client.get(f"{AUTHZ}?resource=https://evil.example", headers=bearing(token))

        assert all(is_challenge(one, 400, "invalid_request") for one in answers)
        assert is_challenge(unknown, 400, "invalid_target")

    def test_below_the_address_the_query_is_the_clients(self, client, token):
        """Envoy sends the whole path of the request that waits."""
        answers = [
            client.get(f"{AUTHZ}{path}?scope=spark:rooms_read&x=%ff", headers=bearing(token))
            for path in ("/", "//", "/orders", "/orders/")
        ]
        demanded = bearing(token) | {"X-Required-Scope": "spark:rooms_read"}

        assert [one.status_code for one in answers] == [200] * 4
        assert client.get(f"{AUTHZ}/orders", headers=demanded).status_code == 403


class TestAudience:
    """TOK-06."""

    @pytest.fixture
    def for_files(self, world, desk, at_desk, lena):
        """A token for another resource server."""
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, desk.made.id)
            person = directory.get_account(tx, lena.organization_id, lena.id)
            consents.allow(tx, app, person, scopes={"spark:rooms_read"}, resource=FILES)
        return desk.tokens(at_desk, scope="spark:rooms_read", resource=FILES)["access_token"]

    def test_a_token_for_another_resource_is_refused(self, client, for_files):
        answer = client.get(AUTHZ, headers=bearing(for_files))

        assert is_challenge(answer, 401, "invalid_token")

    def test_unless_the_proxy_names_it_and_then_no_other_passes(self, world, client, for_files, token, lena):
        named = f"{AUTHZ}?resource={FILES}"
        others = [token, world.token(lena), world.bot().token]
        answers = [client.get(named, headers=bearing(one)) for one in others]

        assert client.get(named, headers=bearing(for_files)).status_code == 200
        assert all(is_challenge(one, 401, "invalid_token") for one in answers)
        assert all("resource_metadata" not in one.headers["www-authenticate"] for one in answers)

    @pytest.mark.parametrize("path", ["/", "//", "/orders", "/%2F"])
    def test_a_client_cannot_choose_it(self, client, for_files, path):
        """Below our address the query is its own, and there is no header for it."""
        smuggled = bearing(for_files) | {"X-Required-Resource": FILES, "Resource": FILES}
        answer = client.get(f"{AUTHZ}{path}?resource={FILES}", headers=smuggled)

        assert is_challenge(answer, 401, "invalid_token")


class TestProofs:
    """TOK-10, TOK-11: a proof is for the request that waits, not for ours (RFC 9449 §7)."""

    @through_every_proxy
    def test_every_proxy_tells_the_request_that_it_is_for(self, proxied, bound, bound_token, proxy):
        answer = asked_by(proxied, proxy, proving(bound, bound_token))

        assert answer.status_code == 200, answer.text
        assert answer.headers["x-auth-client"] == bound.client_id

    @through_every_proxy
    def test_a_proof_for_another_request_is_refused(self, world, proxied, bound, bound_token, proxy):
        wrong: dict[str, dict[str, Any]] = {
            "another method": {"htm": "GET"},
            "another host": {"htu": "https://evil.example/orders/7"},
            "another scheme": {"htu": "http://api.example/orders/7"},
            "another path": {"htu": "https://api.example/orders/8"},
            "our own address": {"htm": "GET", "htu": f"http://localhost:8080{AUTHZ}"},
            "no hash of the token": {"ath": None},
        }
        before = state(world)
        answers = {
            name: asked_by(proxied, proxy, proving(bound, bound_token, **changes))
            for name, changes in wrong.items()
        }

        assert {
            name: is_challenge(one, 401, "invalid_dpop_proof", "DPoP") for name, one in answers.items()
        } == dict.fromkeys(wrong, True)
        assert state(world) == before

    @through_every_proxy
    def test_a_proof_counts_once(self, proxied, bound, bound_token, proxy):
        headers = proving(bound, bound_token)
        first, again = (asked_by(proxied, proxy, headers) for _ in range(2))

        assert first.status_code == 200
        assert is_challenge(again, 401, "invalid_dpop_proof", "DPoP")

    def test_a_proof_counts_once_also_where_a_scope_was_missing(self, proxied, bound, bound_token):
        headers = proving(bound, bound_token)
        demanding = headers | {"X-Required-Scope": "spark:all"}
        poor, again = asked_by(proxied, "nginx", demanding), asked_by(proxied, "nginx", headers)

        assert is_challenge(poor, 403, "insufficient_scope", "DPoP")
        assert is_challenge(again, 401, "invalid_dpop_proof", "DPoP")

    def test_without_our_nonce_the_client_is_told_to_try_again(self, proxied, bound, bound_token):
        """RFC 9449 §9."""
        answer = asked_by(proxied, "nginx", proving(bound, bound_token, nonce=None))
        again = asked_by(proxied, "nginx", proving(bound, bound_token, nonce=answer.headers["dpop-nonce"]))

        assert is_challenge(answer, 401, "use_dpop_nonce", "DPoP")
        assert again.status_code == 200

    def test_scheme_token_and_proof_belong_together(self, proxied, bound, bound_token, token):
        """TOK-11."""
        thief = replace(bound, dpop=ECKey.generate_key("P-256"))
        answers = {
            "a bound token as bearer token": bearing(bound_token),
            "with its proof beside it": proving(bound, bound_token) | bearing(bound_token),
            "no proof": {"Authorization": f"DPoP {bound_token}"},
            "another key's proof": proving(thief, bound_token),
            "a token that is bound to nothing": proving(thief, token),
        }

        refused = {name: asked_by(proxied, "nginx", headers) for name, headers in answers.items()}
        assert {name: one.status_code for name, one in refused.items()} == dict.fromkeys(answers, 401)
        assert all('error="invalid_token"' in one.headers["www-authenticate"] for one in refused.values())

    def test_what_an_unknown_peer_tells_proves_nothing(self, client, bound, bound_token):
        """It may be a client that reaches us past the proxy. Of bearer tokens it learns only what is its own."""
        answer = asked_by(client, "nginx", proving(bound, bound_token))

        assert is_challenge(answer, 401, "invalid_dpop_proof", "DPoP")

    @pytest.mark.parametrize("proxy", ["nginx", "Traefik", "Caddy"])
    @pytest.mark.parametrize(
        "smuggled",
        [
            {"X-Forwarded-Uri": "/orders/7"},
            {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Uri": "/x"},
            {"X-Original-URL": "https://evil.example/x"},
            {"X-Original-Method": "GET", "X-Original-URI": "https://evil.example/x"},
        ],
        ids=str,
    )
    def test_what_a_client_smuggles_through_the_proxy_only_harms_itself(
        self, proxied, bound, bound_token, proxy, smuggled
    ):
        """A proof that was made for another server never becomes one for this."""
        elsewhere = proving(bound, bound_token, htm="GET", htu="https://evil.example/x")
        answer = asked_by(proxied, proxy, elsewhere | smuggled)

        assert is_challenge(answer, 401, "invalid_dpop_proof", "DPoP")

    def test_headers_that_come_twice_are_refused(self, proxied, bound, bound_token):
        told = [*PROXIES["nginx"][2].items(), ("X-Original-URL", "https://evil.example/x")]
        answer = proxied.get(AUTHZ, headers=[*proving(bound, bound_token).items(), *told])

        assert is_challenge(answer, 401, "invalid_dpop_proof", "DPoP")

    def test_nobody_but_the_holder_of_a_good_token_makes_us_write(self, world, proxied, bound, bound_token):
        before = count_of_proofs(world)
        bound.revoke(bound_token)
        asked_by(proxied, "nginx", proving(bound, bound_token))
        asked_by(proxied, "nginx", proving(bound, "made-up"))
        asked_by(proxied, "nginx", proving(bound, world.token(world.person(world.organization()))))

        assert count_of_proofs(world) == before


def count_of_proofs(world) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(select(func.count()).select_from(SpentProof)) or 0


@through_every_proxy
def test_of_a_bearer_token_no_proxy_needs_to_tell_anything(client, token, proxy):
    """Nor can anything that is told be wrong."""
    smuggled = {"X-Original-URL": "nonsense", "X-Forwarded-Uri": "nonsense"}

    assert asked_by(client, proxy, bearing(token)).status_code == 200
    assert client.get(AUTHZ, headers=bearing(token) | smuggled).status_code == 200
