"""Access tokens that a client revokes one by one (RFC 7009): what is remembered of them has a bound."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from appanage.authorizations import refresh_tokens
from appanage.authorizations.model import Revocation, RevocationKind
from appanage.authorizations.revocation import EXPIRY
from appanage.storage.expiry import delete_expired
from support.refusals import counted_statements

BOUND = 3


@pytest.fixture
def bound(monkeypatch):
    monkeypatch.setattr(refresh_tokens, "MOST_SINGLE", BOUND)
    return BOUND


def renewed(client, body):
    """Another access token of the same authorization."""
    return client.refresh(body["refresh_token"]).json()["access_token"]


def revoke_some(client, body, number):
    for _ in range(number):
        assert client.revoke(renewed(client, body)).status_code == 200


def remembered(world, body):
    """What is remembered of the authorization: the tokens that were revoked alone, and the ends of all at once."""
    with world.deployment.transaction(world.origin) as tx:
        row = refresh_tokens.find(tx, body["refresh_token"])
        assert row is not None
        azn = row.authorization_id
        alone = tx.scalars(select(Revocation).where(Revocation.authorization_id == azn)).all()
        everything = (Revocation.kind == RevocationKind.AUTHORIZATION) & (Revocation.subject == str(azn))
        return len(alone), len(tx.scalars(select(Revocation).where(everything)).all())


def test_up_to_the_bound_the_others_live_on(world, desk, at_desk, bound):
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)

    assert desk.introspect(body["access_token"])["active"] is True
    assert remembered(world, body) == (bound, 0)


def test_one_too_many_ends_all_that_were_issued_until_now(world, desk, at_desk, bound, clock):
    """TEN-04, RFC 7009 §2.1."""
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    last, other = renewed(desk, body), renewed(desk, body)
    clock.advance(seconds=5)
    desk.revoke(last)
    later = renewed(desk, body)

    assert desk.introspect(last) == {"active": False}
    assert desk.introspect(other) == {"active": False}
    assert desk.introspect(body["access_token"]) == {"active": False}
    assert desk.introspect(later)["active"] is True


def test_however_many_follow_no_more_is_remembered(world, desk, at_desk, bound, clock):
    """TEN-04."""
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    index = world.deployment.revocations
    sizes = []
    for _ in range(4):
        clock.advance(seconds=2)
        token = renewed(desk, body)
        desk.revoke(token)
        assert desk.introspect(token) == {"active": False}
        sizes.append((len(index), remembered(world, body)))

    assert {counts for _, counts in sizes} == {(bound, 1)}
    assert len({known for known, _ in sizes[1:]}) == 1


def test_what_has_expired_makes_room_again(world, desk, at_desk, bound, clock):
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    clock.advance(days=14, hours=2)
    kept, revoked = renewed(desk, body), renewed(desk, body)
    desk.revoke(revoked)

    assert desk.introspect(revoked) == {"active": False}
    assert desk.introspect(kept)["active"] is True


def test_a_token_is_remembered_for_no_longer_than_it_would_have_lived(world, desk, at_desk, bound):
    body = desk.tokens(at_desk)
    desk.revoke(body["access_token"])
    with world.deployment.transaction(world.origin) as tx:
        found = tx.scalars(select(Revocation).where(Revocation.authorization_id.is_not(None))).all()[-1]

    assert (
        timedelta(days=14)
        < found.forget_at - world.deployment.database.clock()
        <= timedelta(days=14, hours=1)
    )


def test_what_was_revoked_stays_so_when_lives_are_made_shorter(
    world, desk, at_desk, bound, on_another_node, clock
):
    """REV-08: an older token lives on as long as it was told, and so does the memory of its end."""
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    clock.advance(seconds=5)
    desk.revoke(renewed(desk, body))
    newer = on_another_node(desk, lifetimes={"access_token": "PT1H"})
    newer.revoke(renewed(newer, body))
    clock.advance(days=1)
    with world.deployment.transaction(world.origin) as tx:
        delete_expired(tx, EXPIRY)

    assert remembered(world, body)[1] == 1
    assert newer.introspect(body["access_token"]) == {"active": False}
    assert desk.introspect(body["access_token"]) == {"active": False}


def test_a_token_of_before_the_end_of_all_is_refused_whatever_is_remembered(
    world, desk, at_desk, bound, clock
):
    """REV-08: the authorization itself knows since when its tokens count."""
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    clock.advance(seconds=5)
    desk.revoke(renewed(desk, body))
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(delete(Revocation))
    world.deployment.revocations.forget(datetime.max.replace(tzinfo=UTC))

    assert desk.introspect(body["access_token"]) == {"active": False}


def test_a_deauthorized_app_stays_so_after_one_too_many(world, desk, at_desk, bound):
    """REV-05: what ended for good is not given a later beginning."""
    body = desk.tokens(at_desk)
    revoke_some(desk, body, bound)
    token = renewed(desk, body)
    desk.revoke(body["refresh_token"])
    desk.revoke(token)

    assert desk.introspect(token) == {"active": False}
    assert desk.refresh(body["refresh_token"]).status_code == 400


def test_a_revocation_takes_as_many_statements_at_the_bound_as_far_from_it(world, desk, at_desk, bound):
    body = desk.tokens(at_desk)
    counts = []
    for _ in range(bound + 3):
        token = renewed(desk, body)
        with counted_statements(world) as statements:
            desk.revoke(token)
        counts.append(len(statements))

    assert len(set(counts[:bound])) == 1
    assert len(set(counts[bound:])) == 1
