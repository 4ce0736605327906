"""The device grant (RFC 8628): a device shows a code, a person decides elsewhere, the device polls."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appanage.apps.model import ClientProof
from appanage.authorizations.model import DeviceCode
from appanage.kit.secrets import Prefix, digest
from support.integration import (
    DEVICE_AUTHORIZE,
    DEVICE_CODE,
    DEVICE_TOKEN,
    TOKEN,
    families,
    is_dead,
    register,
    suspend,
    withdraw,
)
from support.keys import KEYS
from support.refusals import counted_statements, leaves_only

SCOPE = "spark:people_read spark:rooms_read"


@pytest.fixture
def tv(new_client):
    """A public client that nobody has allowed anything yet."""
    return new_client(client_proof=ClientProof.NONE, connected=False)


def begin(client, **changes):
    answer = client.post(DEVICE_AUTHORIZE, {"scope": SCOPE, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def decide(browser, begun, decision="allow"):
    """The person enters the code that the device shows, and answers."""
    browser.get("/verify")
    browser.submit("/verify", {"user_code": begun["user_code"]})
    return browser.submit("/verify/", {"decision": decision})


def told(answer):
    return answer.status_code, answer.json()["error"]


def row_of(world, begun):
    with world.deployment.transaction(world.origin) as tx:
        found = tx.query(DeviceCode).filter_by(digest=digest(begun["device_code"])).one()
        assert isinstance(found, DeviceCode)
        return found


class TestTheWholeWay:
    @pytest.mark.parametrize("path", [TOKEN, DEVICE_TOKEN, "/idb/oauth2/v1/access_token"])
    def test_from_the_first_request_to_the_token(self, home, world, tv, at_desk, path):
        """Wire facts: pending is 428, at every address of the token endpoint."""
        begun = begin(tv)
        form = {"grant_type": DEVICE_CODE, "device_code": begun["device_code"]}
        waiting = tv.post(path, form)
        decide(at_desk, begun)
        body = tv.post(path, form).json()

        assert told(waiting) == (428, "authorization_pending")
        assert waiting.json()["message"] == waiting.json()["error_description"]
        assert body["token_type"] == "Bearer"
        assert set(body["scope"].split()) == set(SCOPE.split())
        assert tv.call("/v1/people/me", body["access_token"]).json()["displayName"] == "Lena Vogt"
        assert tv.refresh(body["refresh_token"]).status_code == 200
        assert len(world.events(home, "consent.given")) == 1

    def test_what_the_device_is_told_first(self, world, tv):
        """RFC 8628 §3.2."""
        answer = tv.post(DEVICE_AUTHORIZE, {"scope": SCOPE})
        body = answer.json()
        link = urlsplit(body["verification_uri_complete"])

        assert answer.headers["cache-control"] == "no-store"
        assert body.keys() == {
            "device_code",
            "user_code",
            "verification_uri",
            "verification_uri_complete",
            "expires_in",
            "interval",
        }
        assert body["verification_uri"] == f"{world.deployment.settings.base_url}/verify"
        assert parse_qs(link.query) == {"userCode": [body["user_code"]]}
        assert (body["expires_in"], body["interval"]) == (300, 2)
        assert body["device_code"].startswith(Prefix.DEVICE_CODE)

    def test_it_is_signed_in_as_well(self, tv, at_desk):
        """OpenID Connect: an ID token without a nonce, since there was no request that named one."""
        begun = begin(tv, scope="openid email")
        decide(at_desk, begun)
        body = tv.poll(begun["device_code"]).json()

        assert body["id_token"].count(".") == 2
        assert tv.call("/v1/userinfo", body["access_token"]).json()["email"]

    def test_a_confidential_client_begins_by_its_name_and_ends_by_its_secret(self, world, desk, at_desk):
        """Platform reference §2.4."""
        begun = desk.http.post(DEVICE_AUTHORIZE, data={"client_id": desk.client_id, "scope": SCOPE}).json()
        decide(at_desk, begun)
        named = {"client_id": desk.client_id, "grant_type": DEVICE_CODE, "device_code": begun["device_code"]}
        with leaves_only(world, desk.owner, "client.refused"):
            by_name = desk.http.post(TOKEN, data=named)

        assert told(by_name) == (401, "invalid_client")
        assert desk.poll(begun["device_code"]).status_code == 200


class TestPolling:
    """RFC 8628 §3.5."""

    def test_a_device_that_keeps_to_its_interval_is_never_too_soon(self, world, tv, clock):
        begun = begin(tv)
        answers = []
        with leaves_only(world, tv.owner, but="device_codes"):
            for _ in range(5):
                answers.append(tv.poll(begun["device_code"]))
                clock.advance(seconds=begun["interval"])

        assert {told(answer) for answer in answers} == {(428, "authorization_pending")}

    def test_one_that_hurries_is_slowed_down_more_and_more(self, world, tv, clock):
        begun = begin(tv)
        answers = [tv.poll(begun["device_code"]) for _ in range(3)]
        interval = row_of(world, begun).interval_seconds
        clock.advance(seconds=5)
        hurried = tv.poll(begun["device_code"])
        clock.advance(seconds=30)

        assert [told(answer) for answer in answers] == [
            (428, "authorization_pending"),
            (400, "slow_down"),
            (400, "slow_down"),
        ]
        assert interval == 12
        assert told(hurried) == (400, "slow_down")
        assert told(tv.poll(begun["device_code"])) == (428, "authorization_pending")

    def test_a_no_is_final(self, world, home, tv, at_desk):
        begun = begin(tv)
        decide(at_desk, begun, "decline")
        with leaves_only(world, tv.owner, "token.refused", "token.refused") as recorded:
            answers = [tv.poll(begun["device_code"]) for _ in range(2)]

        assert {told(answer) for answer in answers} == {(400, "access_denied")}
        assert {one.data["error"] for one in recorded} == {"access_denied"}
        assert len(world.events(home, "consent.declined")) == 1
        assert families(world, tv.made) == []

    @pytest.mark.parametrize("is_approved", [True, False])
    def test_it_expires(self, world, tv, at_desk, clock, is_approved):
        begun = begin(tv)
        if is_approved:
            decide(at_desk, begun)
        clock.advance(seconds=301)
        with leaves_only(world, tv.owner, "token.refused"):
            answer = tv.poll(begun["device_code"])

        assert told(answer) == (400, "expired_token")

    def test_it_works_once(self, world, tv, at_desk):
        begun = begin(tv)
        decide(at_desk, begun)
        body = tv.poll(begun["device_code"]).json()
        with leaves_only(world, tv.owner, "token.refused"):
            again = tv.poll(begun["device_code"])

        assert told(again) == (400, "invalid_grant")
        assert tv.refresh(body["refresh_token"]).status_code == 200

    def test_it_is_not_another_clients(self, world, tv, desk, at_desk):
        begun = begin(tv)
        decide(at_desk, begun)
        with leaves_only(world, desk.owner, "token.refused"):
            answer = desk.poll(begun["device_code"])

        assert told(answer) == (400, "invalid_grant")
        assert tv.poll(begun["device_code"]).status_code == 200

    def test_no_changed_code_is_worth_anything(self, world, tv, at_desk):
        """TOK-01."""
        begun = begin(tv)
        decide(at_desk, begun)
        code = begun["device_code"]
        changed = [code[:-1], code + "0", code.swapcase(), f" {code}", begun["user_code"]]
        with leaves_only(world, tv.owner, *["token.refused"] * len(changed)):
            answers = [tv.poll(one) for one in changed]

        assert {told(answer) for answer in answers} == {(400, "invalid_grant")}

    def test_the_code_is_kept_as_a_digest(self, world, tv):
        begun = begin(tv)
        with world.deployment.transaction(world.origin) as tx:
            kept = str(tx.connection().exec_driver_sql("SELECT t::text FROM device_codes t").all())

        assert begun["device_code"] not in kept


class TestWhatIsRefused:
    def test_a_device_keeps_the_rules(self, world, tv):
        """TOK-06, TOK-07."""
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"scope": None}, "invalid_scope"),
            ({"scope": "spark:people_write"}, "invalid_scope"),
            ({"scope": "spark:people_read,spark:rooms_read"}, "invalid_scope"),
            ({"resource": "https://rooms.example"}, "invalid_target"),
        ]
        with leaves_only(world, tv.owner, *["token.refused"] * len(wrong)) as recorded:
            answers = [tv.post(DEVICE_AUTHORIZE, {"scope": SCOPE, **changes}) for changes, _ in wrong]

        assert [told(answer) for answer in answers] == [(400, error) for _, error in wrong]
        assert [one.data["error"] for one in recorded] == [error for _, error in wrong]

    def test_a_service_app_has_no_people_to_ask(self, world, home, desk):
        """REG-05."""
        made = world.service_app(world.developer(home))
        with leaves_only(world, home, "token.refused"):
            answer = replace(desk, made=made).post(DEVICE_AUTHORIZE, {"scope": made.app.scopes[0]})

        assert told(answer) == (400, "unauthorized_client")

    def test_an_unknown_client_is_nobody(self, client):
        for client_id in ("C" + "0" * 64, "x", ""):
            answer = client.post(DEVICE_AUTHORIZE, data={"client_id": client_id, "scope": SCOPE})
            assert told(answer) == (401, "invalid_client")

    def test_the_devices_own_address_knows_no_other_grant_type(self, world, desk, at_desk):
        body = desk.tokens(at_desk)
        with leaves_only(world, desk.owner, "token.refused"):
            answer = desk.post(
                DEVICE_TOKEN, {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
            )

        assert told(answer) == (400, "unsupported_grant_type")

    def test_a_flood_of_beginnings_is_stopped(self, tv, on_another_node):
        """AUTHZ-13, TEN-02."""
        one = on_another_node(tv, beginnings_per_source=5)
        answers = [one.post(DEVICE_AUTHORIZE, {"scope": SCOPE}) for _ in range(6)]

        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0


class TestWhatEndsBetween:
    """MACH-04, MACH-06, CONS-04: between the person's yes and the device's next poll."""

    def test_what_was_allowed_and_disconnected(self, world, tv, at_desk, lena):
        begun = begin(tv)
        decide(at_desk, begun)
        withdraw(world, tv.made, lena)

        assert told(tv.poll(begun["device_code"])) == (400, "invalid_grant")
        assert families(world, tv.made) == []

    def test_a_scope_that_was_removed(self, world, tv, at_desk):
        begun = begin(tv)
        decide(at_desk, begun)
        register(world, tv.made, scopes=["spark:people_read"])

        assert tv.poll(begun["device_code"]).json()["scope"] == "spark:people_read"

    def test_a_scope_that_was_removed_before_the_person_decided(self, world, tv, at_desk):
        """REG-05."""
        begun = begin(tv)
        register(world, tv.made, scopes=["spark:people_read"])
        at_desk.get("/verify")
        page = at_desk.submit("/verify", {"user_code": begun["user_code"]}, status=422)

        assert "not valid" in page.text

    def test_an_app_that_was_suspended(self, world, tv, at_desk):
        begun = begin(tv)
        decide(at_desk, begun)
        suspend(world, tv.made.app)

        assert told(tv.poll(begun["device_code"])) == (401, "invalid_client")

    def test_signing_out_takes_nothing_back(self, tv, at_desk):
        """A device acts while its person is elsewhere."""
        begun = begin(tv)
        decide(at_desk, begun)
        at_desk.get("/account")
        at_desk.submit("/logout")

        assert tv.poll(begun["device_code"]).status_code == 200


def test_tokens_of_a_device_are_bound_to_its_key(tv, at_desk):
    """TOK-10, RFC 9449 §5."""
    bound = replace(tv, dpop=KEYS["ES256"])
    begun = begin(tv)
    decide(at_desk, begun)
    body = bound.poll(begun["device_code"]).json()

    assert body["token_type"] == "DPoP"
    assert tv.refresh(body["refresh_token"]).status_code == 400
    assert bound.refresh(body["refresh_token"]).status_code == 200


def test_what_was_allowed_on_a_device_is_disconnected_like_everything_else(world, tv, at_desk, lena):
    begun = begin(tv)
    decide(at_desk, begun)
    body = tv.poll(begun["device_code"]).json()
    withdraw(world, tv.made, lena)

    assert is_dead(tv, body)


def test_the_number_of_statements_does_not_grow(world, tv, at_desk):
    """TEN-05."""
    counts = []
    for _ in range(2):
        begun = begin(tv)
        with counted_statements(world) as waiting:
            tv.poll(begun["device_code"])
        decide(at_desk, begun)
        with counted_statements(world) as redeeming:
            assert tv.poll(begun["device_code"]).status_code == 200
        counts.append((len(waiting), len(redeeming)))
        for _ in range(5):
            begin(tv)

    assert counts[0] == counts[1]
    assert counts[0][0] <= 7
    assert counts[0][1] <= 11
