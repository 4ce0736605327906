"""Tokens that are not what they seem, in every way of presenting one, at every endpoint that takes one (RFC 8725)."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from msgspec.structs import replace

from appanage.oauth.access_tokens import AccessClaims, sign
from appanage.oauth.exchange import ACCESS_TOKEN
from appanage.oauth.signing_keys import SigningKey
from support.integration import INTROSPECT, REVOKE, TOKEN, TOKEN_EXCHANGE, USERINFO
from support.keys import KEYS, public, segment, signed
from support.refusals import leaves_only, state

PROTECTED = ("/v1/people/me", "/v1/people", USERINFO)
SCOPE = "openid spark:people_read"


@pytest.fixture
def token(desk, at_desk):
    value: str = desk.tokens(at_desk, scope=SCOPE)["access_token"]
    return value


def parts_of(token) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    return _opened(head), _opened(body), signature


def _opened(coded) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
    return found


def ours(world) -> SigningKey:
    with world.deployment.transaction(world.origin) as tx:
        found: SigningKey = world.deployment.keys.signing_key(tx)
        return found


def claims(world, token) -> AccessClaims:
    with world.deployment.transaction(world.origin) as tx:
        found: AccessClaims = world.deployment.verifier.claims_of(tx, token)
        return found


def hostile(world, token) -> dict[str, str]:
    return forged(world, token) | signed_by_us(world, token)


def signed_by_us(world, token) -> dict[str, str]:
    """What only we could have signed, but never would."""
    known, key = claims(world, token), ours(world)

    def by_us(**changes: Any) -> str:
        return sign(replace(known, **changes), key)

    now = known.issued_at
    return {
        "of another issuer": by_us(issuer="https://evil.example/v1"),
        "for nobody": by_us(audience=""),
        "for another resource": by_us(audience="https://rooms.example/api"),
        "for the issuer with a slash": by_us(audience=f"{known.audience}/"),
        "expired": by_us(issued_at=now - timedelta(days=15), expires_at=now - timedelta(days=1)),
        "of the future": by_us(issued_at=now + timedelta(hours=1)),
        "of another organization": by_us(organization=known.authorization),
        "of another person": by_us(subject=known.authorization),
        "of no authorization": by_us(authorization=known.subject),
    }


def forged(world, token) -> dict[str, str]:
    """What an attacker makes of a good token."""
    head, body, signature = parts_of(token)
    key, thief = ours(world), ECKey.generate_key("P-256")
    pem = key.key.as_pem(private=False)
    jwk = json.dumps(key.public).encode()

    def with_head(**changes: Any) -> str:
        return f"{segment(head | changes)}.{segment(body)}.{signature}"

    def with_body(**changes: Any) -> str:
        return f"{segment(head)}.{segment(body | changes)}.{signature}"

    def by_thief(**changes: Any) -> str:
        return signed(head | changes, body, thief, "ES256")

    def by_mac(secret: bytes, alg: str) -> str:
        text = f"{segment(head | {'alg': alg})}.{segment(body)}"
        return f"{text}.{segment(hmac.digest(secret, text.encode(), 'sha256'))}"

    return {
        "no signature": f"{segment(head)}.{segment(body)}.",
        "alg none": f"{segment(head | {'alg': 'none'})}.{segment(body)}.",
        "alg None": with_head(alg="None"),
        "alg HS256": with_head(alg="HS256"),
        "HMAC by our public key": by_mac(pem, "HS256"),
        "HMAC by our JWK": by_mac(jwk, "HS256"),
        "HMAC under ES256": by_mac(pem, "ES256"),
        "HMAC by nothing": by_mac(b"", "HS256"),
        "another key": by_thief(),
        "another key that it brings along": by_thief(jwk=public(thief)),
        "another key somewhere": by_thief(jku="https://evil.example/keys"),
        "a certificate": by_thief(x5c=["MIIB"]),
        "RSA": signed(head | {"alg": "PS256"}, body, RSAKey.generate_key(2048), "PS256"),
        "kid with a path": by_thief(kid="../../../dev/null"),
        "kid with SQL": by_thief(kid="' UNION SELECT 1 --"),
        "kid of nothing": by_thief(kid=""),
        "kid of another type": with_head(kid=["x"]),
        "no kid": f"{segment({'alg': 'ES256', 'typ': 'at+jwt'})}.{segment(body)}.{signature}",
        "crit": with_head(crit=["exp"]),
        "typ JWT": with_head(typ="JWT"),
        "more scopes": with_body(scope="spark:all"),
        "another subject": with_body(sub="00000000-0000-0000-0000-000000000000"),
        "a later end": with_body(exp=body["exp"] + 1),
        "longer": token + "A",
        "shorter": token[:-1],
        "a segment more": f"{token}.{signature}",
        "a segment less": token.rpartition(".")[0],
        "with blanks": token[:20] + " " + token[20:],
        "padded": token + "=",
        "in another alphabet": token.replace("-", "+").replace("_", "/") + "+",
        "nested": ".".join(segment("[" * 1000) for _ in range(3)),
        "dots": "." * 3000,
        "large": segment({"alg": "ES256", "x": "x" * 20_000}) + "..",
        "a word": "token",
    }


class TestHostileTokens:
    """TOK-01, TOK-03, TOK-04, CRED-08: the attack corpus, everywhere."""

    def test_at_every_protected_resource(self, world, client, token):
        for scheme in ("Bearer", "DPoP"):
            before = state(world)
            answers = {
                (name, path): client.get(path, headers={"Authorization": f"{scheme} {value}"})
                for name, value in hostile(world, token).items()
                for path in PROTECTED
            }

            assert {key: one.status_code for key, one in answers.items()} == dict.fromkeys(answers, 401)
            assert all('error="invalid_token"' in one.headers["www-authenticate"] for one in answers.values())
            assert state(world) == before
        assert client.get(PROTECTED[0], headers={"Authorization": f"Bearer {token}"}).status_code == 200

    def test_at_introspection_and_revocation(self, world, desk, token):
        values = hostile(world, token)
        with leaves_only(world, desk.owner):
            found = {name: desk.post(INTROSPECT, {"token": value}) for name, value in values.items()}
            revoked = [desk.post(REVOKE, {"token": value}) for value in forged(world, token).values()]

        assert {name: one.json() for name, one in found.items()} == {
            name: {"active": False} for name in values
        }
        assert {(one.status_code, one.text) for one in revoked} == {(200, "{}")}
        assert desk.introspect(token)["active"] is True

    def test_at_token_exchange(self, world, desk, token):
        values = hostile(world, token)
        with leaves_only(world, desk.owner, *["token.refused"] * len(values)):
            answers = {
                name: desk.post(
                    TOKEN,
                    {
                        "grant_type": TOKEN_EXCHANGE,
                        "subject_token": value,
                        "subject_token_type": ACCESS_TOKEN,
                    },
                )
                for name, value in values.items()
            }

        assert {
            name: (one.status_code, one.json()["error"]) for name, one in answers.items()
        } == dict.fromkeys(values, (400, "invalid_grant"))


class TestWaysOfPresenting:
    @pytest.mark.parametrize("path", PROTECTED)
    def test_only_the_header_is_looked_at(self, client, token, path):
        """TOK-08: Basic, query, body, cookie and other headers present nothing."""
        pair = base64.b64encode(f"x:{token}".encode()).decode()
        method = "POST" if path == USERINFO else "GET"
        answers = [
            client.get(path, headers={"Authorization": f"Basic {pair}"}),
            client.get(path, headers={"Authorization": token}),
            client.get(path, headers={"Authorization": f"Token {token}"}),
            client.get(f"{path}?access_token={token}"),
            client.request(method, path, data={"access_token": token}),
            client.get(path, headers={"Cookie": f"access_token={token}; token={token}"}),
            client.get(path, headers={"X-Access-Token": token}),
            client.get(path, headers={"Proxy-Authorization": f"Bearer {token}"}),
        ]

        assert [one.status_code for one in answers] == [401] * len(answers)

    @pytest.mark.parametrize("path", PROTECTED)
    def test_the_header_is_read_strictly(self, client, token, path):
        """TOK-09."""
        good = [f"Bearer {token}", f"bearer {token}", f"BEARER {token}"]
        bad = [
            f"Bearer  {token}",
            f"Bearer\t{token}",
            f"Bearer {token} x",
            f"Bearer {token},",
            f"Bearer {token}, Bearer {token}",
            f'Bearer "{token}"',
            f"Bearer:{token}",
            f"Bearer={token}",
            "Bearer",
            f"Bearer {token}{'x' * 9000}",
        ]
        twice = [("Authorization", good[0]), ("Authorization", good[0])]

        assert 401 not in {client.get(path, headers={"Authorization": one}).status_code for one in good}
        assert {client.get(path, headers={"Authorization": one}).status_code for one in bad} == {401}
        assert client.get(path, headers=twice).status_code == 401

    def test_what_is_missing_is_named(self, client, desk, at_desk):
        """STD-02, RFC 6750 §3.1, RFC 9728 §5.1."""
        token = desk.tokens(at_desk, scope="spark:rooms_read")["access_token"]
        nobody = client.get("/v1/people/me")
        wrong = client.get("/v1/people/me", headers={"Authorization": "Bearer x"})
        poor = desk.call("/v1/people/me", token)
        metadata = 'resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource/v1"'

        assert (nobody.status_code, wrong.status_code, poor.status_code) == (401, 401, 403)
        assert all(metadata in one.headers["www-authenticate"] for one in (nobody, wrong, poor))
        assert "error=" not in nobody.headers["www-authenticate"]
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in poor.headers["www-authenticate"]
        assert 'scope="spark:people_read"' in poor.headers["www-authenticate"]

    def test_a_huge_token_costs_nothing(self, world, client, desk):
        """TOK-04: looked at before it is parsed."""
        huge = "a" * 900_000
        with leaves_only(world, desk.owner):
            answer = desk.post(INTROSPECT, {"token": f"{huge}.{huge[:10]}.{huge[:10]}"})
        too_large = desk.post(INTROSPECT, {"token": huge + huge})

        assert answer.json() == {"active": False}
        assert too_large.status_code == 413
        assert client.get("/v1/people/me", headers={"Authorization": f"Bearer {huge}"}).status_code == 401


def test_a_token_of_another_deployment_is_worth_nothing(desk, token, on_another_node):
    """TOK-06: another issuer on the same keys."""
    other = on_another_node(desk, base_url="http://localhost:9090")

    assert other.call("/v1/people/me", token).status_code == 401


def test_every_algorithm_but_ours_is_refused_even_with_a_good_signature(world, client, token):
    """TOK-03: no client's key signs an access token."""
    head, body, _ = parts_of(token)
    values = [signed(head | {"alg": alg}, body, key, alg) for alg, key in KEYS.items()]
    answers = [client.get("/v1/people/me", headers={"Authorization": f"Bearer {one}"}) for one in values]

    assert {one.status_code for one in answers} == {401}
