"""An app is asked for in the moment in which it is taken away: the request waits for that, and sees it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import consents, departures, disconnections, policies
from appanage.authorizations.model import Authorization, AuthorizationCode, PolicyMode
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Refused
from appanage.kit.ids import Kind
from appanage.storage import Transaction
from stores.test_locks import waits_for_a_lock
from support.browser import Browser, Shown
from support.connecting import acting
from support.consenting import ask, read_answer
from support.integration import OAuthClient, connect, go, is_dead
from support.world import MadeApp, World

BLOCK = PolicyMode.BLOCK
Deed = Callable[[Transaction, App, Account, Account, timedelta], object]


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


@pytest.fixture
def admin(world: World, home: Organization) -> Account:
    return world.full_admin(home, name="Priya Raman")


def withdraw(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> None:
    del admin
    current = consents.find(tx, app, person)
    assert current is not None
    consents.withdraw(tx, current, by=person, longest_token=life)


def disconnect(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> Any:
    return disconnections.disconnect(tx, admin.organization, app, person.id, by=admin, longest_token=life)


def disconnect_all(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> Any:
    del person
    return disconnections.disconnect_all(tx, admin.organization, app, by=admin, longest_token=life)


def block_the_app(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> Any:
    del person
    return policies.set_rule(tx, admin.organization, app, BLOCK, by=admin, longest_token=life)


def block_all(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> Any:
    del person, app
    return policies.set_policy(tx, admin.organization, BLOCK, by=admin, longest_token=life)


def remove(tx: Transaction, app: App, person: Account, admin: Account, life: timedelta) -> None:
    del app
    locked = directory.get_account(tx, person.organization_id, person.id, for_update=True)
    departures.remove_person(tx, locked, by=admin, longest_token=life)


@pytest.fixture
def while_it_waits(
    world: World, lena: Account, admin: Account, beside: Any
) -> Callable[[Deed, MadeApp, Callable[[], Any]], Any]:
    """Does the deed, has the request come before that is committed, and wait; what the request was answered."""

    def run(deed: Deed, made: MadeApp, request: Callable[[], Any]) -> Any:
        with acting(world, admin) as (tx, by, life):
            person = directory.get_account(tx, lena.organization_id, lena.id)
            assert not isinstance(deed(tx, apps.get_app(tx, made.id), person, by, life), Refused)
            tx.flush()
            answer = beside(request)
            assert waits_for_a_lock(world.deployment)
        return answer.result(timeout=10)

    return run


def has_access(world: World, made: MadeApp, person: Account) -> bool:
    """Whether the app may act for the person, or holds a code that nobody used."""
    of_this = Authorization.app_id == made.id, Authorization.account_id == person.id
    codes = select(func.count()).join_from(AuthorizationCode, Authorization).where(*of_this)
    unspent = codes.where(AuthorizationCode.spent_at.is_(None))
    active = select(func.count()).where(*of_this, Authorization.ended_at.is_(None))
    with world.deployment.transaction(world.origin) as tx:
        return bool(tx.scalar(unspent) or tx.scalar(active))


@pytest.mark.parametrize("deed", [withdraw, disconnect, disconnect_all, block_the_app, block_all])
def test_a_request_without_any_page_gets_nothing(
    world: World, at_desk: Browser, desk: OAuthClient, lena: Account, while_it_waits: Any, deed: Deed
):
    """CONS-09, REV-05: `prompt=none` adds nothing, so what was ended a moment ago stays that."""
    answer = while_it_waits(deed, desk.made, lambda: go(at_desk, desk.made, prompt="none"))

    assert read_answer(answer.headers["location"]).answer["error"] == "consent_required"
    assert not has_access(world, desk.made, lena)


@pytest.mark.parametrize("deed", [withdraw, disconnect_all])
def test_a_consent_that_is_remembered_no_more_is_asked_for(
    world: World, at_desk: Browser, desk: OAuthClient, lena: Account, while_it_waits: Any, deed: Deed
):
    page = while_it_waits(deed, desk.made, lambda: ask(at_desk, desk.made.app))

    assert page.forms("/oauth/authorize/")
    assert not has_access(world, desk.made, lena)


def test_a_consent_that_was_blocked_meanwhile_is_refused(
    world: World, at_desk: Browser, desk: OAuthClient, lena: Account, while_it_waits: Any
):
    page = while_it_waits(block_all, desk.made, lambda: ask(at_desk, desk.made.app, status=403))

    assert "do not allow people to connect" in page.text
    assert not has_access(world, desk.made, lena)


@pytest.mark.parametrize(("deed", "status"), [(withdraw, 200), (block_the_app, 403)])
def test_who_was_on_the_way_to_a_remembered_consent_is_asked_too(
    world: World,
    at_desk: Browser,
    desk: OAuthClient,
    lena: Account,
    while_it_waits: Any,
    deed: Deed,
    status: int,
):
    """The person has only picked the account: the page after that decides, and no page was shown for it."""
    ask(at_desk, desk.made.app, prompt="select_account")

    def choose() -> Shown:
        return at_desk.submit("/oauth/authorize/", status=status)

    page = while_it_waits(deed, desk.made, choose)

    assert "refresh" not in page.response.headers
    assert not has_access(world, desk.made, lena)


def test_who_allows_an_app_while_it_is_blocked_is_refused(
    world: World, at_desk: Browser, new_client: Any, lena: Account, while_it_waits: Any
):
    made = new_client(connected=False).made
    ask(at_desk, made.app)

    def press() -> Shown:
        return at_desk.submit("/oauth/authorize/", {"decision": "allow"}, status=403)

    while_it_waits(block_the_app, made, press)

    assert not has_access(world, made, lena)
    assert len(world.events(lena.organization, "consent.refused")) == 1


def test_who_is_being_deleted_allows_nothing_any_more(
    world: World, at_desk: Browser, new_client: Any, lena: Account, while_it_waits: Any
):
    """SES-08: no authorization outlives the account."""
    made = new_client(connected=False).made
    ask(at_desk, made.app)

    def press() -> Shown:
        return at_desk.submit("/oauth/authorize/", {"decision": "allow"}, status=403)

    page = while_it_waits(remove, made, press)

    assert "refresh" not in page.response.headers
    assert not has_access(world, made, lena)


def test_who_is_being_deleted_gets_no_code_for_what_they_allowed_earlier(
    world: World, at_desk: Browser, desk: OAuthClient, lena: Account, while_it_waits: Any
):
    answer = while_it_waits(remove, desk.made, lambda: go(at_desk, desk.made, prompt="none"))

    assert read_answer(answer.headers["location"]).answer["error"] == "consent_required"
    assert not has_access(world, desk.made, lena)


def test_deleting_a_person_ends_what_they_allowed(
    world: World, client: TestClient, at_desk: Browser, desk: OAuthClient, lena: Account, admin: Account
):
    """SES-08; what other people allowed the same app goes on."""
    other = world.person(lena.organization)
    connect(world, desk.made, other)
    tokens = desk.tokens(at_desk)
    path = f"/v1/people/{world.public_id(Kind.PEOPLE, lena.id)}"
    answer = client.delete(path, headers={"Authorization": f"Bearer {world.token(admin)}"})

    assert answer.status_code == 204
    assert is_dead(desk, tokens)
    assert not has_access(world, desk.made, lena)
    assert has_access(world, desk.made, other)
