"""Refresh and revocation (RFC 6749 §6, RFC 7009, RFC 9700 §4.14): what is renewed, what rotates, what ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from msgspec import structs
from sqlalchemy import text

from appanage.apps.model import ClientProof
from appanage.authorizations import refresh_tokens
from appanage.kit.secrets import Prefix, new_secret
from appanage.oauth.access_tokens import sign
from appanage.profiles import ProfileName
from support.integration import (
    REVOKE,
    TOKEN,
    connect,
    families,
    is_dead,
    register,
    suspend,
    withdraw,
)
from support.keys import KEYS
from support.refusals import counted_statements, leaves_only, state, whole_database

ROOMS = "https://rooms.example/api"


def is_refused(answer, error="invalid_grant"):
    return (answer.status_code, answer.json()["error"]) == (400, error)


def pretend_renewals(world, value, count):
    """As if the family of this refresh token had been renewed so many times before."""
    earlier = "SELECT sha256(gen_random_uuid()::text::bytea), :family, now() FROM generate_series(1, :count)"
    with world.deployment.transaction(world.origin) as tx:
        row = refresh_tokens.find(tx, value)
        assert row is not None
        tx.execute(
            text(f"INSERT INTO superseded_refresh_tokens {earlier}"), {"family": row.id, "count": count}
        )


class TestConfidentialClients:
    """Design decision 9: the value stays, its time begins anew."""

    def test_the_same_token_comes_back_with_a_new_access_token(self, world, desk, at_desk):
        first = desk.tokens(at_desk)
        second = desk.refresh(first["refresh_token"])
        body = second.json()

        assert second.headers["cache-control"] == "no-store"
        assert body["refresh_token"] == first["refresh_token"]
        assert body["access_token"] != first["access_token"]
        assert set(body["scope"].split()) == set(first["scope"].split())
        assert desk.introspect(first["access_token"])["active"] is True
        assert len(families(world, desk.made)) == 1

    def test_its_ninety_or_sixty_days_begin_anew_with_each_refresh(self, desk, at_desk, clock, profile):
        """TOK-05: the platform's own behaviour."""
        days = {ProfileName.COMMERCIAL: 90, ProfileName.FEDRAMP: 60}[profile]
        refresh_token = desk.tokens(at_desk)["refresh_token"]
        for _ in range(3):
            clock.advance(days=days - 1)
            assert desk.refresh(refresh_token).status_code == 200
        clock.advance(days=days, seconds=1)

        assert is_refused(desk.refresh(refresh_token))

    def test_an_access_token_lives_fourteen_days(self, desk, at_desk, clock):
        """TOK-05."""
        access_token = desk.tokens(at_desk)["access_token"]
        clock.advance(days=13, hours=23)
        before = desk.introspect(access_token)["active"]
        clock.advance(hours=1, seconds=1)

        assert before is True
        assert desk.introspect(access_token) == {"active": False}


class TestPublicClients:
    """REV-02, REV-03, RFC 9700 §2.2.2."""

    def test_every_use_brings_a_successor(self, world, panel, at_desk):
        values = [panel.tokens(at_desk)["refresh_token"]]
        for _ in range(4):
            values.append(panel.refresh(values[-1]).json()["refresh_token"])

        assert len(set(values)) == 5
        assert len(families(world, panel.made)) == 1

    def test_a_retry_within_thirty_seconds_gets_the_same_successor(self, panel, at_desk, clock):
        """REV-03."""
        first = panel.tokens(at_desk)["refresh_token"]
        second = panel.refresh(first).json()
        clock.advance(seconds=29)
        again = panel.refresh(first).json()

        assert again["refresh_token"] == second["refresh_token"]
        assert again["access_token"] != second["access_token"]
        assert panel.refresh(second["refresh_token"]).status_code == 200

    def test_a_repeat_after_thirty_seconds_ends_the_family(self, world, home, panel, at_desk, clock):
        """REV-02, REV-03."""
        first = panel.tokens(at_desk)
        second = panel.refresh(first["refresh_token"]).json()
        clock.advance(seconds=31)
        answer = panel.refresh(first["refresh_token"])

        assert is_refused(answer)
        assert len(world.events(home, "token.reused")) == 1
        assert is_dead(panel, first)
        assert is_dead(panel, second)

    def test_a_grandparent_is_reuse_even_within_thirty_seconds(self, world, home, panel, at_desk):
        """REV-02: who has the successor has proven that the answer arrived."""
        first = panel.tokens(at_desk)
        second = panel.refresh(first["refresh_token"]).json()
        third = panel.refresh(second["refresh_token"]).json()

        assert is_refused(panel.refresh(first["refresh_token"]))
        assert is_dead(panel, third)
        assert len(world.events(home, "token.reused")) == 1

    def test_a_stuck_client_repeating_a_stale_token_costs_little(self, world, home, panel, at_desk, clock):
        """REV-06: the first repeat ends the family, every further one changes nothing at all."""
        first = panel.tokens(at_desk)["refresh_token"]
        panel.refresh(first)
        clock.advance(minutes=1)
        panel.refresh(first)
        before = state(world)
        costs = []
        for _ in range(3):
            with counted_statements(world) as statements:
                assert is_refused(panel.refresh(first))
            costs.append(len(statements))

        assert state(world) == before
        assert len(set(costs)) == 1
        assert len(world.events(home, "token.reused")) == 1

    def test_a_family_renewed_ten_thousand_times_ends_at_the_price_of_one(self, world, panel, at_desk, clock):
        """REV-06: one row is the family, however often it was renewed."""
        costs = []
        for renewals in (1, 10_000):
            first = panel.tokens(at_desk)["refresh_token"]
            second = panel.refresh(first).json()["refresh_token"]
            pretend_renewals(world, second, renewals)
            clock.advance(minutes=1)
            with counted_statements(world) as statements:
                assert is_refused(panel.refresh(first))
            costs.append(len(statements))
            assert is_refused(panel.refresh(second))

        assert costs[0] == costs[1] <= 20
        assert len(families(world, panel.made)) == 2


class TestBindings:
    """REV-01: what a refresh token is bound to, one thing after the other."""

    def test_another_client(self, world, desk, panel, at_desk, new_client):
        for owner, others in (
            (desk, [panel, new_client()]),
            (panel, [desk, new_client(client_proof=ClientProof.NONE)]),
        ):
            value = owner.tokens(at_desk)["refresh_token"]
            for other in others:
                with leaves_only(world, other.owner, "token.refused"):
                    answer = other.refresh(value)
                assert is_refused(answer)
            assert owner.refresh(value).status_code == 200

    @pytest.mark.parametrize("kind", ["desk", "panel"])
    def test_more_than_was_granted(self, world, request, at_desk, kind):
        """TOK-06, TOK-07."""
        client = request.getfixturevalue(kind)
        value = client.tokens(at_desk)["refresh_token"]
        wrong = {
            "spark:people_write": {"scope": "spark:people_write"},
            "openid": {"scope": "spark:people_read openid"},
            "another case": {"scope": "Spark:people_read"},
            "resource": {"resource": ROOMS},
        }
        with leaves_only(world, client.owner, *["token.refused"] * len(wrong)) as recorded:
            answers = {name: client.refresh(value, **changes) for name, changes in wrong.items()}

        errors = {name: "invalid_target" if name == "resource" else "invalid_scope" for name in wrong}
        assert all(is_refused(answer, errors[name]) for name, answer in answers.items())
        assert [one.data for one in recorded] == [
            {"error": error, "endpoint": TOKEN, "grantType": "refresh_token"} for error in errors.values()
        ]
        assert client.refresh(value).status_code == 200

    def test_a_public_clients_token_is_bound_to_the_key_it_was_issued_with(self, world, panel, at_desk):
        """TOK-10, RFC 9449 §5."""
        bound = replace(panel, dpop=KEYS["ES256"])
        value = bound.tokens(at_desk)["refresh_token"]
        thief = replace(panel, dpop=ECKey.generate_key("P-256"))
        with leaves_only(world, panel.owner, "token.refused", "token.refused"):
            answers = [panel.refresh(value), thief.refresh(value)]

        assert all(is_refused(answer) for answer in answers)
        assert bound.refresh(value).json()["token_type"] == "DPoP"

    def test_no_changed_token_is_worth_anything(self, world, desk, at_desk):
        """TOK-01."""
        value = desk.tokens(at_desk)["refresh_token"]
        changed = [value[:-1], value + "0", value.swapcase(), value[1:], f" {value}", f"{value}\r\n"]
        changed += [
            value[:place] + ("1" if value[place] == "0" else "0") + value[place + 1 :]
            for place in range(0, len(value), 6)
        ]
        with leaves_only(world, desk.owner, *["token.refused"] * len(changed)):
            answers = [desk.refresh(one) for one in changed]

        assert all(is_refused(answer) for answer in answers)
        assert not any(desk.introspect(one)["active"] for one in changed)
        assert desk.refresh(value).status_code == 200


class TestWhatEnded:
    def test_the_retry_window_revives_nothing_that_was_revoked(self, world, panel, at_desk):
        """REV-04: superseded and revoked are different states."""
        first = panel.tokens(at_desk)["refresh_token"]
        second = panel.refresh(first).json()
        assert panel.revoke(second["refresh_token"]).status_code == 200
        with leaves_only(world, panel.owner, "token.refused", "token.refused"):
            answers = [panel.refresh(first), panel.refresh(second["refresh_token"])]

        assert all(is_refused(answer) for answer in answers)
        assert is_dead(panel, second)

    def test_nor_anything_that_was_disconnected(self, world, panel, at_desk, lena):
        """REV-04, MACH-04."""
        first = panel.tokens(at_desk)["refresh_token"]
        second = panel.refresh(first).json()
        withdraw(world, panel.made, lena)

        assert is_refused(panel.refresh(first))
        assert is_dead(panel, second)

    def test_connecting_again_revives_nothing(self, world, desk, at_desk, lena):
        """MACH-05 for Integrations."""
        old = desk.tokens(at_desk)
        withdraw(world, desk.made, lena)
        connect(world, desk.made, lena)
        new = desk.tokens(at_desk)

        assert is_dead(desk, old)
        assert desk.refresh(new["refresh_token"]).status_code == 200

    def test_it_is_remembered_by_other_nodes_and_after_a_restart(
        self, panel, at_desk, clock, on_another_node
    ):
        """REV-07: between rotation and replay."""
        first = panel.tokens(at_desk)
        second = panel.refresh(first["refresh_token"]).json()
        clock.advance(minutes=1)
        restarted = on_another_node(panel)

        assert is_refused(restarted.refresh(first["refresh_token"]))
        assert is_dead(restarted, second)
        assert is_dead(panel, second)
        assert is_dead(on_another_node(panel), second)

    def test_a_retry_at_another_node_gets_the_same_successor(self, panel, at_desk, on_another_node):
        """REV-03: every node knows the successor, though none keeps it."""
        first = panel.tokens(at_desk)["refresh_token"]
        second = panel.refresh(first).json()["refresh_token"]

        assert on_another_node(panel).refresh(first).json()["refresh_token"] == second

    def test_a_scope_that_is_gone_narrows_the_next_token(self, world, desk, at_desk):
        """CONS-04, TOK-07."""
        body = desk.tokens(at_desk)
        register(world, desk.made, scopes=["spark:people_read"])

        assert desk.refresh(body["refresh_token"]).json()["scope"] == "spark:people_read"
        assert desk.introspect(body["refresh_token"])["scope"] == "spark:people_read"

    def test_an_app_of_a_suspended_organization_comes_back_as_it_was(self, world, desk, at_desk):
        """MACH-06: suspending an organization stops, and ends nothing; an app's own suspension does (decision 0024)."""
        body = desk.tokens(at_desk)
        suspend(world, desk.owner)
        stopped = desk.refresh(body["refresh_token"])
        with world.deployment.transaction(world.origin) as tx:
            tx.merge(desk.owner).suspended_at = None

        assert (stopped.status_code, stopped.json()["error"]) == (401, "invalid_client")
        assert desk.refresh(body["refresh_token"]).status_code == 200


class TestRevocation:
    """REV-08, RFC 7009."""

    def test_an_access_token_ends_alone(self, world, home, desk, at_desk):
        body = desk.tokens(at_desk)
        answer = desk.revoke(body["access_token"])

        assert (answer.status_code, answer.json()) == (200, {})
        assert desk.introspect(body["access_token"]) == {"active": False}
        assert desk.call("/v1/people/me", body["access_token"]).status_code == 401
        assert desk.refresh(body["refresh_token"]).status_code == 200
        assert len(world.events(home, "token.revoked")) == 1

    @pytest.mark.parametrize("kind", ["desk", "panel"])
    def test_a_refresh_token_takes_every_access_token_along(self, world, home, request, at_desk, kind):
        client = request.getfixturevalue(kind)
        first = client.tokens(at_desk)
        second = client.refresh(first["refresh_token"]).json()
        answers = [client.revoke(second["refresh_token"]) for _ in range(2)]

        assert [one.status_code for one in answers] == [200, 200]
        assert is_dead(client, first)
        assert is_dead(client, second)
        assert len(world.events(home, "token.revoked")) == 1

    def test_a_token_that_was_rotated_away_takes_its_successors_along(self, panel, at_desk):
        """Who lost the answer of a refresh can still end what came of it."""
        first = panel.tokens(at_desk)
        second = panel.refresh(first["refresh_token"]).json()
        answer = panel.revoke(first["refresh_token"])

        assert answer.status_code == 200
        assert is_dead(panel, second)

    def test_tokens_of_others_stay_and_nothing_tells_that_they_exist(
        self, world, desk, panel, at_desk, new_client
    ):
        other = new_client()
        mine, its = desk.tokens(at_desk), panel.tokens(at_desk)
        rotated = its["refresh_token"]
        current = panel.refresh(rotated).json()
        made_up = new_secret(Prefix.REFRESH_TOKEN).reveal()
        values = [
            mine["access_token"],
            mine["refresh_token"],
            rotated,
            current["refresh_token"],
            current["access_token"],
        ]
        with leaves_only(world, other.owner):
            answers = [other.revoke(one) for one in [*values, made_up, "nonsense", "a.b.c", "x" * 5000]]

        assert {(one.status_code, one.text) for one in answers} == {(200, "{}")}
        assert desk.introspect(mine["access_token"])["active"] is True
        assert panel.refresh(current["refresh_token"]).status_code == 200

    @pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
    def test_a_wrong_hint_misleads_nobody(self, desk, at_desk, hint):
        """RFC 7009 §2.1."""
        body = desk.tokens(at_desk)
        desk.post(REVOKE, {"token": body["refresh_token"], "token_type_hint": hint})

        assert is_dead(desk, body)

    def test_a_token_of_a_node_whose_clock_is_ahead_is_revoked_too(self, world, desk, at_desk):
        """REV-08, TEN-06: not yet valid here, and never valid afterwards."""
        body = desk.tokens(at_desk)
        with world.deployment.transaction(world.origin) as tx:
            claims = world.deployment.verifier.claims_of(tx, body["access_token"])
            ahead = structs.replace(claims, issued_at=claims.issued_at + timedelta(seconds=50))
            token = sign(ahead, world.deployment.keys.signing_key(tx))
        before = desk.introspect(token)["active"]
        desk.revoke(token)

        assert before is True
        assert desk.introspect(token) == {"active": False}

    def test_nor_does_one_outlive_its_family(self, world, desk, at_desk):
        """REV-05, TEN-06."""
        body = desk.tokens(at_desk)
        with world.deployment.transaction(world.origin) as tx:
            claims = world.deployment.verifier.claims_of(tx, body["access_token"])
            ahead = structs.replace(
                claims, issued_at=claims.issued_at + timedelta(seconds=50), token_id="another"
            )
            token = sign(ahead, world.deployment.keys.signing_key(tx))
        desk.revoke(body["refresh_token"])

        assert desk.introspect(token) == {"active": False}

    def test_introspection_answers_its_own_client_only(self, desk, panel, at_desk, new_client):
        """TOK-15: otherwise a token is merely not active."""
        other, body = new_client(), desk.tokens(at_desk)
        values = [body["access_token"], body["refresh_token"], panel.tokens(at_desk)["access_token"]]
        public = panel.post("/v1/introspect", {"token": values[2]})

        assert [other.introspect(one) for one in values] == [{"active": False}] * 3
        assert (public.status_code, public.json()["error"]) == (401, "invalid_client")


def test_nothing_is_stored_that_could_be_used(world, panel, at_desk):
    """TOK-01, TOK-13: neither the token nor its successor."""
    first = panel.tokens(at_desk)
    second = panel.refresh(first["refresh_token"]).json()
    stored = whole_database(world)

    for body in (first, second):
        assert body["refresh_token"] not in stored
        assert body["access_token"] not in stored


def test_the_number_of_statements_does_not_grow(world, desk, panel, at_desk):
    """TEN-05."""
    for client, most in ((desk, 7), (panel, 7)):
        value = client.refresh(client.tokens(at_desk)["refresh_token"]).json()["refresh_token"]
        counts = []
        for _ in range(2):
            with counted_statements(world) as statements:
                value = client.refresh(value).json()["refresh_token"]
            counts.append(len(statements))
            for _ in range(5):
                client.tokens(at_desk)
                value = client.refresh(value).json()["refresh_token"]

        assert counts[0] == counts[1] <= most
