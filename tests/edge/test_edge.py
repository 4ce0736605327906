"""The edge answers from memory what the ordinary way answered, until anything changes (decision 0020)."""

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from appanage.app import create_app
from appanage.deployment import Deployment
from appanage.edge.edge import Edge
from appanage.kit.grouping import Grouping
from appanage.signin.throttle import Throttle
from support.live import SECRET_KEY
from support.world import World


class Desk:
    """A Service App of one organization, and the questions that it asks."""

    def __init__(self, world: World, client: TestClient) -> None:
        self.world, self.client = world, client
        self.organization = world.organization()
        self.admin = world.full_admin(self.organization)
        self.made = world.service_app(world.developer(self.organization))
        world.authorize(self.made, self.admin)
        self.pair = world.retrieve(self.made, self.organization)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.pair.access_token.reveal()}"}

    @property
    def basic(self) -> dict[str, str]:
        pair = f"{self.made.client_id}:{self.made.secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def introspect(self) -> Any:
        form = {"token": self.pair.access_token.reveal()}
        return self.client.post("/v1/introspect", data=form, headers=self.basic)

    def person(self) -> Any:
        return self.client.get("/v1/people/me", headers=self.bearer)

    def pass_proxy(self) -> Any:
        return self.client.get("/v1/authz", headers=self.bearer)

    def key_set(self) -> Any:
        return self.client.get("/v1/verification")


QUESTIONS: list[Callable[[Desk], Any]] = [Desk.introspect, Desk.person, Desk.pass_proxy, Desk.key_set]
ABOUT_A_TOKEN = QUESTIONS[:3]
by_name = pytest.mark.parametrize("ask", QUESTIONS, ids=lambda one: one.__name__)
about_a_token = pytest.mark.parametrize("ask", ABOUT_A_TOKEN, ids=lambda one: one.__name__)


@pytest.fixture
def desk(world: World, client: TestClient) -> Desk:
    return Desk(world, client)


@pytest.fixture
def asked(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the database is asked, by whichever way."""
    statements: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        statements.append(str(query))
        return await execute(self, query, *arguments, **options)

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    event.listen(deployment.database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(deployment.database.engine, "before_cursor_execute", note)


def comparable(answer: Any) -> tuple[Any, ...]:
    headers = sorted(one for one in answer.headers.items() if one[0] != "trackingid")
    return answer.status_code, answer.content, tuple(headers)


@by_name
def test_the_same_question_has_the_same_answer_without_a_statement(desk: Desk, asked: list[str], ask: Any):
    """TEN-05."""
    answers = [ask(desk)]
    for _ in range(20):  # the share that the requests of an account are counted in is not there at once
        asked.clear()
        answers.append(ask(desk))
        if not asked:
            break

    assert asked == []
    assert answers[0].status_code == 200
    assert len(set(map(comparable, answers))) == 1
    assert len({one.headers["trackingid"] for one in answers}) == len(answers)


CHANGES = {
    "the organization deauthorizes": lambda desk: desk.world.deauthorize(desk.made, desk.admin),
    "the app is suspended": lambda desk: change(
        desk, "UPDATE apps SET suspended_at = now() WHERE id = :id", desk.made.id
    ),
    "the organization is suspended": lambda desk: change(
        desk, "UPDATE organizations SET suspended_at = now() WHERE id = :id", desk.organization.id
    ),
}


def change(desk: Desk, statement: str, of: Any) -> None:
    """By hand, as an operator might; the process is told by the feed alone."""
    with desk.world.deployment.transaction(desk.world.origin) as tx:
        tx.execute(text(statement), {"id": of})
        tx.has_changed = True


@pytest.mark.parametrize("what", CHANGES)
@about_a_token
def test_nothing_is_remembered_beyond_a_change(desk: Desk, ask: Any, what: str):
    """REV-09, MACH-06: in the process that changed it not even for a moment."""
    for _ in range(2):
        assert ask(desk).status_code == 200

    CHANGES[what](desk)
    answer = ask(desk)

    assert answer.status_code == 401 or answer.json() == {"active": False}


def test_the_end_of_a_token_is_the_end_of_what_is_remembered_of_it(desk: Desk, clock: Any):
    for _ in range(2):
        assert desk.person().status_code == 200

    clock.advance(days=15)

    assert desk.person().status_code == 401
    assert desk.pass_proxy().status_code == 401


def test_what_is_remembered_for_one_client_is_not_told_to_another(desk: Desk, world: World):
    """TOK-15: the credentials are part of the question."""
    other = Desk(world, desk.client)
    other.pair = desk.pair
    for _ in range(2):
        assert desk.introspect().json()["active"] is True

    answers = [other.introspect().json() for _ in range(2)]

    assert answers == [{"active": False}] * 2


def test_a_wrong_secret_is_refused_beside_what_is_remembered(desk: Desk):
    for _ in range(2):
        assert desk.introspect().status_code == 200
    form = {"token": desk.pair.access_token.reveal(), "client_id": desk.made.client_id}

    answer = desk.client.post("/v1/introspect", data=form | {"client_secret": f"{desk.made.secret[:-1]}x"})

    assert answer.status_code == 401


def test_requests_that_are_answered_from_memory_count(world: World, new_deployment: Any):
    """TEN-02: in shares, of which at most one is given away unused."""
    most = 240
    deployment = new_deployment(requests_per_minute=most)
    with TestClient(create_app(deployment), base_url=deployment.settings.base_url) as client:
        desk = Desk(World(deployment), client)

        statuses = [desk.person().status_code for _ in range(most + 1)]

    share = most // 60
    assert set(statuses) == {200, 429}
    assert most - share <= statuses.count(200) <= most


def test_where_few_requests_are_allowed_each_is_counted_by_itself(world: World, new_deployment: Any):
    """TEN-02."""
    deployment = new_deployment(requests_per_minute=5)
    with TestClient(create_app(deployment), base_url=deployment.settings.base_url) as client:
        desk = Desk(World(deployment), client)

        statuses = [desk.person().status_code for _ in range(7)]

    assert statuses == [200] * 5 + [429] * 2


def test_a_counter_that_does_not_answer_holds_up_nobody(
    desk: Desk, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    """TEN-03: requests that are to be counted go the ordinary way, the others do not notice."""
    counting, let_go = threading.Event(), threading.Event()
    count = deployment.throttle.count_request

    def slow(account: str, *, times: int = 1) -> None:
        if times > 1:
            counting.set()
            let_go.wait(10)
        count(account, times=times)

    monkeypatch.setattr(deployment.throttle, "count_request", slow)
    monkeypatch.setattr(Throttle, "is_shared", True)
    statuses = [desk.person().status_code for _ in range(2)]
    assert counting.wait(10)
    statuses += [desk.person().status_code, desk.key_set().status_code, desk.introspect().status_code]
    let_go.set()

    assert statuses == [200] * 5


@pytest.mark.parametrize(
    "asked_otherwise",
    [
        lambda desk, number: desk.client.get(f"/v1/people/me?n={number}", headers=desk.bearer),
        lambda desk, number: desk.client.get(f"/v1/verification?n={number}"),
        lambda desk, number: desk.client.get("/v1/verification", headers={"Authorization": f"x {number}"}),
        lambda desk, number: desk.client.get(
            "/v1/people/me", headers=desk.bearer | {"X-Required-Scope": f"{number}"}
        ),
        lambda desk, number: desk.client.get(
            "/v1/people/me", headers=desk.bearer | {"Content-Type": f"text/{number}"}
        ),
    ],
    ids=["a query", "a query about keys", "credentials that nobody reads", "a header of another", "a type"],
)
def test_one_question_is_not_remembered_in_ever_so_many_spellings(desk: Desk, asked_otherwise: Any):
    """TEN-03, TEN-04: memory is for different questions."""
    edge = desk.client.app
    assert isinstance(edge, Edge)
    desk.person()
    desk.key_set()
    before = edge.remembered

    for number in range(5):
        asked_otherwise(desk, number)

    assert edge.remembered == before


def test_a_proof_of_possession_is_never_answered_from_memory(desk: Desk):
    """TOK-10: each is good for one request."""
    for _ in range(2):
        assert desk.person().status_code == 200

    answer = desk.client.get(
        "/v1/people/me",
        headers={"Authorization": desk.bearer["Authorization"].replace("Bearer", "DPoP"), "DPoP": "x"},
    )

    assert answer.status_code == 401


def test_a_refresh_is_answered_in_groups_once_the_client_is_known(desk: Desk, asked: list[str]):
    """TEN-05: two statements."""
    form = {"grant_type": "refresh_token", "refresh_token": desk.pair.refresh_token.reveal()}
    for _ in range(2):
        assert desk.client.post("/v1/access_token", data=form, headers=desk.basic).status_code == 200
    asked.clear()

    answer = desk.client.post("/v1/access_token", data=form, headers=desk.basic)

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] == desk.pair.refresh_token.reveal()
    assert answer.headers["cache-control"] == "no-store"
    assert [statement.split()[0] for statement in asked] == ["SELECT", "WITH"]


def test_where_a_group_fails_the_ordinary_way_answers(
    desk: Desk, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def fail(attempts: Sequence[Any]) -> Sequence[Any]:
        raise RuntimeError(f"failed on purpose, {len(attempts)}")

    form = {"grant_type": "refresh_token", "refresh_token": desk.pair.refresh_token.reveal()}
    desk.client.post("/v1/access_token", data=form, headers=desk.basic)
    monkeypatch.setattr(deployment.desk, "_refreshed", Grouping(fail))

    answer = desk.client.post("/v1/access_token", data=form, headers=desk.basic)

    assert answer.status_code == 200
    assert "failed on purpose, 1" in caplog.text


def test_the_use_of_a_secret_is_noted_once_a_minute(desk: Desk, world: World, clock: Any):
    """Also where the client was forgotten within that minute."""

    def used_at() -> Any:
        with world.deployment.transaction(world.origin) as tx:
            statement = "SELECT last_used_at FROM client_secrets WHERE app_id = :id"
            return tx.execute(text(statement), {"id": desk.made.id}).scalar_one()

    desk.introspect()
    first = used_at()
    clock.advance(seconds=50)
    change(desk, "UPDATE apps SET description = 'Another one' WHERE id = :id", desk.made.id)
    desk.introspect()
    assert used_at() == first

    clock.advance(seconds=10)
    desk.introspect()
    assert used_at() > first


def test_a_secret_that_was_revoked_is_not_known_any_more(desk: Desk):
    form = {"grant_type": "refresh_token", "refresh_token": desk.pair.refresh_token.reveal()}
    for _ in range(2):
        assert desk.client.post("/v1/access_token", data=form, headers=desk.basic).status_code == 200

    change(desk, "UPDATE client_secrets SET revoked_at = now() WHERE app_id = :id", desk.made.id)

    assert desk.client.post("/v1/access_token", data=form, headers=desk.basic).status_code == 401


def test_beyond_what_can_be_under_way_requests_are_told_to_come_again(new_deployment: Any):
    """TEN-03: 503 with Retry-After, and one that was let in is answered."""
    let_go, sent = asyncio.Event(), []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await let_go.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def ask(edge: Edge) -> list[Message]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        async def nothing() -> Message:
            return {"type": "http.request"}

        scope = {"type": "http", "method": "GET", "path": "/anything", "headers": [], "query_string": b""}
        await edge(scope, nothing, keep)
        return messages

    async def scene() -> None:
        edge = Edge(slow, new_deployment(requests_at_once=1))
        first = asyncio.ensure_future(ask(edge))
        await asyncio.sleep(0)
        sent.append(await ask(edge))
        let_go.set()
        sent.append(await first)

    asyncio.run(scene())
    (turned_away, *_), (answered, *_) = sent

    assert turned_away["status"] == 503
    assert (b"retry-after", b"1") in turned_away["headers"]
    assert answered["status"] == 204


@pytest.mark.parametrize("slow_at", ["sending", "reading"])
def test_a_slow_client_takes_no_room(new_deployment: Any, slow_at: str):
    """TEN-03: otherwise a few that send a byte and wait would turn away everybody else."""
    never = asyncio.Event()

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def ask(edge: Edge, *, patient: bool) -> list[Message]:
        messages: list[Message] = []

        async def receive() -> Message:
            if patient and slow_at == "sending":
                await never.wait()
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            if patient and slow_at == "reading":
                await never.wait()
            messages.append(message)

        scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b""}
        await edge(scope, receive, send)
        return messages

    async def scene() -> list[Message]:
        edge = Edge(reading, new_deployment(requests_at_once=1))
        slow = [asyncio.ensure_future(ask(edge, patient=True)) for _ in range(3)]
        await asyncio.sleep(0)
        messages = await ask(edge, patient=False)
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return messages + await ask(edge, patient=False)

    assert [message["status"] for message in asyncio.run(scene())] == [204, 204]


@contextmanager
def served(deployment: Deployment) -> Iterator[TestClient]:
    with TestClient(create_app(deployment), base_url=deployment.settings.base_url) as client:
        yield client


def test_only_who_is_allowed_to_sees_the_metrics(new_deployment: Any):
    """Of tokens and secrets they say nothing (TOK-13)."""
    with served(new_deployment(metrics_for=["testclient"])) as client:
        assert client.get("/metrics").status_code == 404  # an address that is none is nobody's
    with served(new_deployment(metrics_for=["unknown"])) as client:
        page = client.get("/metrics")

    assert page.status_code == 200
    assert "appanage_feed_lag_seconds_bucket" in page.text
    assert SECRET_KEY not in page.text
