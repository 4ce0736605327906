"""Refreshes and standings are answered in groups, and nothing waits for a lock (decision 0022)."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from appanage.authorizations import codes, queries
from appanage.authorizations import desk as desk_module
from appanage.authorizations import statements as statements_module
from appanage.authorizations.desk import CodeAttempt, Desk, RefreshAttempt
from appanage.authorizations.standing import Standing
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import assemble
from appanage.directory import queries as directory
from appanage.kit.grouping import Busy, Grouping
from appanage.kit.origin import internal_origin
from appanage.oauth.authorization import AuthorizationRequest
from appanage.oauth.codes import CodeRedemption
from appanage.oauth.refreshing import RefreshRequest
from appanage.oauth.responses import ResponseMode
from appanage.signin import service as signin
from support.consenting import CHALLENGE, allow
from support.integration import VERIFIER
from support.world import CALLBACK, DESK_SCOPES, MadeApp, World

MANY = 20


class Shop:
    """A Service App with tokens for many organizations."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deployment = world.deployment
        with self.deployment.transaction(internal_origin()) as tx:
            self.deployment.keys.load(tx)

    def app(self) -> tuple[MadeApp, Any, TokenPair]:
        organization = self.world.organization()
        made = self.world.service_app(self.world.developer(organization))
        self.world.authorize(made, self.world.full_admin(organization))
        return made, organization, self.world.retrieve(made, organization)

    def hear(self) -> None:
        """As if the feed had asked the database at this moment."""
        self.deployment.freshness.heard(self.deployment.freshness.now())

    def at_the_desk(self, act: Callable[[Desk], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            desk = self.deployment.desk
            await desk.start()
            try:
                return await act(desk)
            finally:
                await desk.stop()

        return asyncio.run(run())


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


@contextmanager
def locked(shop: Shop, table: str) -> Iterator[None]:
    """A table that no statement gets at for the time of the block."""
    with shop.deployment.transaction(shop.world.origin) as tx:
        tx.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE", 0.3)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the desk asks the database, first words only."""
    asked: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if not str(query).startswith("SET"):  # of a new connection
            asked.append(str(query).split()[0])
        return await execute(self, query, *arguments, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    return asked


def attempt(made: MadeApp, pair: TokenPair) -> RefreshAttempt:
    return RefreshAttempt(made.client_id, pair.refresh_token.reveal(), RefreshRequest())


def issue_code(shop: Shop) -> CodeAttempt:
    """A code that a person was just given for an Integration, and how it presents it."""
    made = shop.world.integration()
    lena = shop.world.person(shop.world.organization("Northwind Traders"), name="Lena Vogt")
    authorization = allow(shop.world, made.app, lena)
    request = AuthorizationRequest(
        made.client_id,
        CALLBACK,
        True,
        ResponseMode.QUERY,
        frozenset(DESK_SCOPES),
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    with shop.deployment.transaction(shop.world.origin) as tx:
        person = directory.get_account(tx, lena.organization_id, lena.id)
        session = signin._start_session(tx, person).session
        found = queries.find_authorization(tx, authorization.id)
        assert found is not None
        code = codes.issue(tx, found, request, session=session, lifetime=timedelta(minutes=1))
    presented = CodeRedemption(CALLBACK, VERIFIER, resource=None, key_thumbprint=None)
    return CodeAttempt(made.client_id, code.reveal(), presented)


def cut_off(shop: Shop) -> bool:
    """Ends the desk's connection if it waits for a lock."""
    with shop.deployment.transaction(shop.world.origin) as tx:
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND application_name = 'appanage desk' AND datname = current_database()"
        )
        return bool(tx.execute(text(cut)).all())


def as_public(shop: Shop, made: MadeApp) -> None:
    """As if the app had been registered as a public client, whose refresh tokens rotate."""
    with shop.deployment.transaction(shop.world.origin) as tx:
        tx.execute(
            text(
                "UPDATE refresh_tokens SET is_proven = false "
                "WHERE authorization_id IN (SELECT id FROM authorizations WHERE app_id = :app)"
            ),
            {"app": made.id},
        )
        tx.execute(text("UPDATE apps SET client_proof = 'none' WHERE id = :app"), {"app": made.id})


def test_many_refreshes_cost_three_statements(shop: Shop, statements: list[str]):
    """TEN-05: tokens, what holds of them, and one write; what holds is remembered for the next time."""
    apps = [shop.app() for _ in range(MANY)]

    async def twice(desk: Desk) -> Sequence[TokenPair | None]:
        shop.hear()
        await asyncio.gather(*(desk.refresh(attempt(made, pair)) for made, _, pair in apps))
        statements.append("|")
        return await asyncio.gather(*(desk.refresh(attempt(made, pair)) for made, _, pair in apps))

    answers = shop.at_the_desk(twice)

    assert " ".join(statements) == "SELECT SELECT WITH | SELECT WITH"
    assert all(answers)
    assert len({one.access_token.reveal() for one in answers}) == MANY


def test_what_holds_is_recalled_only_while_that_is_fresh(shop: Shop, statements: list[str]):
    """REV-09: what a process has not heard of for a moment it asks for."""
    made, _, pair = shop.app()

    async def twice(desk: Desk) -> TokenPair | None:
        shop.hear()
        await desk.refresh(attempt(made, pair))
        shop.deployment.freshness.doubt()
        statements.append("|")
        return await desk.refresh(attempt(made, pair))

    answer = shop.at_the_desk(twice)

    assert " ".join(statements) == "SELECT SELECT WITH | SELECT SELECT WITH"
    assert answer is not None


def test_an_end_that_this_process_has_not_heard_of_is_not_overlooked(shop: Shop):
    """REV-05: this process made the change, and the feed has not told it of that."""
    made, _, pair = shop.app()

    async def around_the_end(desk: Desk) -> TokenPair | Standing | None:
        shop.hear()
        assert await desk.refresh(attempt(made, pair))
        with shop.deployment.transaction(shop.world.origin) as tx:
            ended = text("UPDATE authorizations SET ended_at = now() WHERE app_id = :app RETURNING id")
            ended_id = tx.execute(ended, {"app": made.id}).scalar_one()
        shop.deployment.feed.look()
        standing = await desk.standing(ended_id)
        assert standing is not None
        assert standing.ended_at is not None
        return await desk.refresh(attempt(made, pair))

    assert shop.at_the_desk(around_the_end) is None


@pytest.mark.usefixtures("impatient")
def test_a_database_that_does_not_answer_is_left_to_the_ordinary_way(shop: Shop):
    """Nobody waits for it longer than a moment, and the desk goes on when it answers again."""
    made, _, pair = shop.app()

    async def before_and_after(desk: Desk) -> list[TokenPair | Standing | None]:
        with locked(shop, "authorizations"):
            answers = await asyncio.gather(desk.refresh(attempt(made, pair)), desk.standing(uuid.uuid4()))
        return [*answers, await desk.refresh(attempt(made, pair))]

    *unanswered, answered = shop.at_the_desk(before_and_after)

    assert unanswered == [None, None]
    assert answered is not None


@pytest.mark.usefixtures("impatient")
def test_a_token_that_may_have_been_rotated_is_not_tried_a_second_time(shop: Shop):
    """REV-03: to the ordinary way it might be used already. A token that stays the same can be renewed again."""
    public, _, rotating = shop.app()
    as_public(shop, public)
    made, _, staying = shop.app()

    async def both(desk: Desk) -> Sequence[Any]:
        with locked(shop, "superseded_refresh_tokens"):
            return await asyncio.gather(
                desk.refresh(attempt(public, rotating)),
                desk.refresh(attempt(made, staying)),
                return_exceptions=True,
            )

    rotated, stayed = shop.at_the_desk(both)

    assert isinstance(rotated, Busy)
    assert stayed is None


@pytest.mark.usefixtures("impatient")
def test_a_code_that_may_have_been_spent_is_not_tried_a_second_time(shop: Shop):
    """AUTHZ-04: the ordinary way would take it for a replay, and end what was issued. It was not spent, so it is good."""
    code = issue_code(shop)

    async def twice(desk: Desk) -> TokenPair | None:
        with locked(shop, "refresh_tokens"), pytest.raises(Busy):
            await desk.redeem(code)
        return await desk.redeem(code)

    assert shop.at_the_desk(twice) is not None


def test_a_connection_that_is_lost_in_the_write_leaves_open_what_became_of_a_code(shop: Shop):
    code = issue_code(shop)

    async def cut(desk: Desk) -> TokenPair | None:
        with locked(shop, "refresh_tokens"):
            redeemed = desk.redeem(code)
            while not await asyncio.to_thread(cut_off, shop):
                assert not redeemed.done()
            with pytest.raises(Busy):
                await redeemed
        return await desk.redeem(code)

    assert shop.at_the_desk(cut) is not None


def test_a_write_that_the_database_refuses_is_left_to_the_ordinary_way(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    """Nothing of it was written, that is certain."""
    code = issue_code(shop)

    async def refused(*_: Any) -> frozenset[bytes]:
        raise psycopg.errors.UniqueViolation

    monkeypatch.setattr(statements_module, "redeem_codes", refused)

    assert shop.at_the_desk(lambda desk: desk.redeem(code)) is None


def test_the_operator_may_set_options_of_the_connection(shop: Shop):
    """Such as one that lets nothing be written."""
    made, _, pair = shop.app()
    deployment = shop.deployment
    url = make_url(deployment.database.url).update_query_dict(
        {"options": "-c default_transaction_read_only=on"}
    )
    read_only = assemble(
        deployment.settings, url.render_as_string(hide_password=False), clock=deployment.database.clock
    )
    shop.deployment = replace(deployment, desk=read_only.desk)
    with deployment.transaction(shop.world.origin) as tx:
        read_only.keys.load(tx)

    assert shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair))) is None


def test_an_answer_means_that_it_is_committed(shop: Shop):
    made, _, pair = shop.app()

    answer: TokenPair = shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair)))

    with shop.deployment.transaction(shop.world.origin) as tx:
        row = queries.find_refresh_token(tx, pair.refresh_token.digest)
        assert row is not None
        assert row.expires_at == answer.refresh_expires_at
        assert row.last_used_at == answer.now
        caller = shop.deployment.verifier.caller_of(tx, answer.access_token.reveal())
        assert caller.app is not None
        assert caller.app.client_id == made.client_id


def test_the_refresh_token_of_a_public_client_is_rotated_in_the_group(shop: Shop):
    """REV-02: its predecessor is remembered in the same statement."""
    made, _, pair = shop.app()
    as_public(shop, made)

    answer: TokenPair = shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair)))

    with shop.deployment.transaction(shop.world.origin) as tx:
        successor = queries.find_refresh_token(tx, answer.refresh_token.digest)
        former = tx.execute(
            text("SELECT refresh_token_id FROM superseded_refresh_tokens WHERE digest = :digest"),
            {"digest": pair.refresh_token.digest},
        ).scalar_one()
        assert answer.refresh_token != pair.refresh_token
        assert successor is not None
        assert former == successor.id


def test_a_row_that_somebody_holds_is_left_to_the_ordinary_way(shop: Shop):
    """REV-05: whoever is ending it at this moment is not overtaken, and nobody else waits."""
    made, _, pair = shop.app()
    free, _, other = shop.app()

    async def both(desk: Desk) -> Sequence[TokenPair | None]:
        return await asyncio.gather(desk.refresh(attempt(made, pair)), desk.refresh(attempt(free, other)))

    with shop.deployment.transaction(shop.world.origin) as tx:
        assert queries.find_refresh_token(tx, pair.refresh_token.digest, for_update=True)
        held, answered = shop.at_the_desk(both)

    assert held is None
    assert answered is not None


def test_several_refreshes_with_one_token_are_one_renewal_of_it(shop: Shop, statements: list[str]):
    """An app with many processes asks for many access tokens at once, none of which may hold up the others."""
    made, _, pair = shop.app()

    async def at_once(desk: Desk) -> Sequence[TokenPair | None]:
        return await asyncio.gather(*(desk.refresh(attempt(made, pair)) for _ in range(MANY)))

    answers = shop.at_the_desk(at_once)

    assert " ".join(statements) == "SELECT SELECT WITH"
    assert len({one.access_token.reveal() for one in answers}) == MANY
    assert {one.refresh_token.reveal() for one in answers} == {pair.refresh_token.reveal()}


def test_of_a_token_that_changes_the_second_refresh_is_a_retry(shop: Shop):
    """REV-03: which is for the ordinary way to tell from reuse."""
    made, _, pair = shop.app()
    as_public(shop, made)

    async def at_once(desk: Desk) -> Sequence[TokenPair | None]:
        return await asyncio.gather(*(desk.refresh(attempt(made, pair)) for _ in range(3)))

    first, *others = shop.at_the_desk(at_once)

    assert first is not None
    assert others == [None, None]


def test_a_row_that_is_free_again_at_once_is_asked_for_once_more(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """Two processes that renew the same token at the same moment are both quick."""
    made, _, pair = shop.app()
    renew, tries = statements_module.renew_refresh_tokens, []

    async def overtaken(connection: Any, renewals: Any, now: Any) -> frozenset[uuid.UUID]:
        tries.append(len(renewals))
        if len(tries) == 1:
            await renew(connection, renewals, now)  # as another process does it
        return await renew(connection, renewals, now)

    monkeypatch.setattr(statements_module, "renew_refresh_tokens", overtaken)

    assert shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair))) is not None
    assert tries == [1, 1]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE refresh_tokens SET revoked_at = now() WHERE authorization_id = :authorization",
        "UPDATE refresh_tokens SET expires_at = now() - interval '1 day' WHERE authorization_id = :authorization",
        "UPDATE authorizations SET ended_at = now() WHERE id = :authorization",
        "UPDATE apps SET suspended_at = now() WHERE id = :app",
        "UPDATE apps SET deleted_at = now() WHERE id = :app",
        "UPDATE apps SET scopes = '{}' WHERE id = :app",
        "UPDATE organizations SET suspended_at = now() WHERE id = :organization",
        "UPDATE accounts SET login_enabled = false WHERE id = :account",
    ],
)
def test_what_does_not_hold_any_more_is_left_to_the_ordinary_way(shop: Shop, change: str):
    """MACH-06: the desk never says no, and never says yes to these."""
    made, organization, pair = shop.app()
    with shop.deployment.transaction(shop.world.origin) as tx:
        row = queries.find_refresh_token(tx, pair.refresh_token.digest)
        assert row is not None
        of = {
            "authorization": row.authorization_id,
            "app": made.id,
            "organization": organization.id,
            "account": row.authorization.account_id,
        }
        tx.execute(text(change), {name: value for name, value in of.items() if f":{name}" in change})

    assert shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair))) is None


def test_what_the_columns_say_is_what_the_objects_say(shop: Shop):
    """A standing that was read with a grouped statement is the one of the mapped classes."""
    _, _, pair = shop.app()
    claims_of = shop.deployment.verifier.claims_of
    with shop.deployment.transaction(shop.world.origin) as tx:
        authorization = queries.find_authorization(
            tx, claims_of(tx, pair.access_token.reveal()).authorization
        )
        assert authorization is not None
        expected = authorization.standing

    assert shop.at_the_desk(lambda desk: desk.standing(expected.authorization_id)) == expected


def test_a_token_of_another_client_is_left_to_the_ordinary_way(shop: Shop):
    made, _, _ = shop.app()
    _, _, pair = shop.app()

    assert shop.at_the_desk(lambda desk: desk.refresh(attempt(made, pair))) is None


def test_no_more_questions_wait_than_there_is_room_for():
    """TEN-03: whoever comes too much is told to come again, instead of memory that grows."""

    async def scene() -> list[int]:
        let_go = asyncio.Event()

        async def slow(group: Sequence[int]) -> Sequence[int]:
            await let_go.wait()
            return group

        grouping: Grouping[int, int] = Grouping(slow, largest=2, most_waiting=3)
        asked = [grouping.ask(number) for number in range(4)]
        with pytest.raises(Busy):
            await asked[3]
        let_go.set()
        return await asyncio.gather(*asked[:3])

    assert asyncio.run(scene()) == [0, 1, 2]


@pytest.mark.parametrize(("largest", "groups"), [(128, [[0, 1, 2, 3, 4]]), (2, [[0, 1], [2, 3], [4]])])
def test_a_group_begins_when_nobody_more_comes_or_when_it_is_full(largest: int, groups: list[list[int]]):
    async def scene() -> list[Sequence[int]]:
        asked: list[Sequence[int]] = []

        async def note(group: Sequence[int]) -> Sequence[int]:
            asked.append(group)
            return group

        grouping: Grouping[int, int] = Grouping(note, largest=largest)

        async def ask_in_turn(number: int) -> None:
            for _ in range(number):
                await asyncio.sleep(0)
            await grouping.ask(number)

        await asyncio.gather(*(ask_in_turn(number) for number in range(5)))
        return asked

    assert asyncio.run(scene()) == groups


def test_whoever_went_away_is_left_out_and_a_failure_is_everybodys():
    async def scene() -> tuple[list[Sequence[int]], list[Any]]:
        groups: list[Sequence[int]] = []

        async def fail(group: Sequence[int]) -> Sequence[int]:
            groups.append(group)
            raise ConnectionError

        grouping: Grouping[int, int] = Grouping(fail)
        asked = [grouping.ask(number) for number in range(3)]
        asked[1].cancel()
        return groups, list(await asyncio.gather(asked[0], asked[2], return_exceptions=True))

    groups, outcomes = asyncio.run(scene())

    assert groups == [[0, 2]]
    assert [type(one) for one in outcomes] == [ConnectionError] * 2
