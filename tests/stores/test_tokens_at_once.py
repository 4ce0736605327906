"""What begins beside its own end: no session and no token outlives a changed password or a disabled sign-in (SES-08)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from appanage.authorizations import personal_tokens
from appanage.authorizations.departures import end_sign_in
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.ids import Kind
from appanage.signin import service as signin
from appanage.signin.model import BrowserSession
from appanage.signin.passwords import Passwords
from appanage.signin.service import SignedIn
from appanage.storage import Transaction
from stores.test_locks import waits_for_a_lock
from support.browser import Browser
from support.clock import MovableClock
from support.integration import sign_in_quickly
from support.world import NARRATOR, PASSWORD, World

NEW = "violet harbour under seven clouds"
OTHER = "amber lantern beside nine rivers"
TOKENS, CHANGE = "/account/tokens/new", "/account/password"

Beside = Callable[[Callable[[], Any]], Future[Any]]


class Interrupted(Passwords):
    """Something happens after a password was compared and before anything follows from that."""

    def __init__(self, deployment: Deployment, meanwhile: Callable[[], object]) -> None:
        super().__init__(deployment.settings.password_hash)
        self._meanwhile = meanwhile

    def matches(self, hashed: str | None, password: str) -> bool:
        right = super().matches(hashed, password)
        self._meanwhile()
        return right


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Does something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def lena(world: World, organization: Organization) -> Account:
    return world.person(organization, name="Lena Vogt", password=PASSWORD)


@pytest.fixture
def enable(world: World, client: TestClient, organization: Organization, lena: Account) -> Callable[..., int]:
    """An administrator says by API whether Lena may sign in."""
    headers = {"Authorization": f"Bearer {world.token(world.full_admin(organization))}"}
    address = f"/v1/people/{world.public_id(Kind.PEOPLE, lena.id)}"

    def put(*, enabled: bool) -> int:
        body = {"emails": [lena.email], "displayName": lena.display_name, "loginEnabled": enabled}
        return client.put(address, json=body, headers=headers).status_code

    return put


@pytest.fixture
def delete(world: World, client: TestClient, organization: Organization, lena: Account) -> Callable[[], int]:
    headers = {"Authorization": f"Bearer {world.token(world.full_admin(organization))}"}
    address = f"/v1/people/{world.public_id(Kind.PEOPLE, lena.id)}"
    return lambda: client.delete(address, headers=headers).status_code


def fresh(tx: Transaction, person: Account) -> Account:
    return directory.get_account(tx, person.organization_id, person.id)


def sign_in(
    world: World, person: Account, password: str = PASSWORD, *, passwords: Passwords | None = None
) -> SignedIn | None:
    with world.deployment.transaction(world.origin) as tx:
        return signin.sign_in(tx, person.email, password, passwords=passwords or world.deployment.passwords)


def set_password(world: World, person: Account, password: str) -> None:
    """As the operator does."""
    with world.deployment.transaction(world.origin) as tx:
        signin.set_password(
            tx, fresh(tx, person), password, by=NARRATOR, passwords=world.deployment.passwords
        )


def change_password(
    world: World, person: Account, session: BrowserSession, new: str, *, passwords: Passwords | None = None
) -> SignedIn | None:
    with world.deployment.transaction(world.origin) as tx:
        mine = signin.get_session(tx, person, session.id)
        return signin.change_password(
            tx, mine, old=PASSWORD, new=new, passwords=passwords or world.deployment.passwords
        )


def disable_in(tx: Transaction, person: Account) -> None:
    end_sign_in(tx, person)
    person.login_enabled = False
    tx.flush()


def create_token(tx: Transaction, person: Account) -> str:
    hour = timedelta(hours=1)
    made = personal_tokens.create(tx, fresh(tx, person), by=NARRATOR, lifetime=hour, longest=hour)
    return made.reveal()


def live_sessions(world: World, person: Account) -> int:
    always = timedelta(days=1)
    with world.deployment.transaction(world.origin) as tx:
        return len(signin.list_live_sessions(tx, person, idle=always, absolute=always))


def live_tokens(world: World, person: Account) -> int:
    with world.deployment.transaction(world.origin) as tx:
        return len(personal_tokens.list_live(tx, person))


def answer_to(client: TestClient, token: str) -> int:
    return client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code


def sending(browser: Browser, page: str, **fields: str) -> Callable[[], Response]:
    """Opens the page, and sends its form when told to; the bare answer."""
    shown = browser.get(page)
    data: dict[str, Any] = shown.values(shown.forms(page)[0]) | fields
    return lambda: browser.client.post(page, data=data, follow_redirects=False)


def signed_in_a_while_ago(world: World, clock: MovableClock, browser: Browser, person: Account) -> Browser:
    """Whose next page notes the session's use."""
    sign_in_quickly(world, browser, person)
    clock.advance(minutes=5)
    return browser


class TestASignInBesideTheEndOfItsPassword:
    def test_is_refused_when_the_password_was_changed_after_it_was_compared(
        self, world: World, lena: Account
    ):
        slow = Interrupted(world.deployment, lambda: set_password(world, lena, NEW))

        assert sign_in(world, lena, passwords=slow) is None
        assert live_sessions(world, lena) == 0
        assert sign_in(world, lena, NEW) is not None

    def test_is_waited_for_and_ended_when_it_came_first(self, world: World, lena: Account, beside: Beside):
        with world.deployment.transaction(world.origin) as tx:
            made = signin.sign_in(tx, lena.email, PASSWORD, passwords=world.deployment.passwords)
            changed = beside(lambda: set_password(world, lena, NEW))
            assert waits_for_a_lock(world.deployment)

        changed.result(timeout=10)
        assert made is not None
        assert live_sessions(world, lena) == 0

    def test_is_refused_when_sign_in_was_disabled_after_the_comparison(
        self, world: World, lena: Account, enable: Callable[..., int]
    ):
        slow = Interrupted(world.deployment, lambda: enable(enabled=False))

        assert sign_in(world, lena, passwords=slow) is None
        assert enable(enabled=True) == 200
        assert live_sessions(world, lena) == 0

    def test_is_waited_for_and_ended_by_whoever_disables_it_then(
        self, world: World, lena: Account, enable: Callable[..., int], beside: Beside
    ):
        with world.deployment.transaction(world.origin) as tx:
            made = signin.sign_in(tx, lena.email, PASSWORD, passwords=world.deployment.passwords)
            disabled = beside(lambda: enable(enabled=False))
            assert waits_for_a_lock(world.deployment)

        assert made is not None
        assert disabled.result(timeout=10) == 200
        assert enable(enabled=True) == 200
        assert live_sessions(world, lena) == 0


class TestChangingAPassword:
    def test_of_two_who_give_the_same_old_one_the_second_is_refused(self, world: World, lena: Account):
        mine, thiefs = sign_in(world, lena), sign_in(world, lena)
        assert mine
        assert thiefs

        def change() -> None:
            assert change_password(world, lena, mine.session, NEW)

        slow = Interrupted(world.deployment, change)

        assert change_password(world, lena, thiefs.session, OTHER, passwords=slow) is None
        assert sign_in(world, lena, OTHER) is None
        assert sign_in(world, lena, NEW) is not None

    def test_of_many_at_once_one_wins_and_nobody_is_killed(
        self,
        world: World,
        lena: Account,
        clock: MovableClock,
        new_browser: Callable[[], Browser],
        beside: Beside,
    ):
        """Each page notes the use of its session, and not while others wait for that."""
        browsers = [signed_in_a_while_ago(world, clock, new_browser(), lena) for _ in range(3)]
        passwords = [f"{NEW} {number}" for number in range(3)]
        forms = [
            sending(browser, CHANGE, current=PASSWORD, password=password)
            for browser, password in zip(browsers, passwords, strict=True)
        ]
        clock.advance(minutes=5)
        with world.deployment.transaction(world.origin) as tx:
            directory.find_account_for_update(tx, lena.id)
            waiting = [beside(form) for form in forms]
            assert waits_for_a_lock(world.deployment, many=3)

        statuses = [one.result(timeout=10).status_code for one in waiting]
        assert sorted(statuses) == [303, 422, 422]
        assert [sign_in(world, lena, one) is not None for one in passwords] == [
            one == 303 for one in statuses
        ]
        assert len(world.events(lena.organization, "password.changed")) == 2

    def test_ends_a_token_that_is_being_made(
        self, world: World, client: TestClient, lena: Account, browser: Browser, beside: Beside
    ):
        change = sending(sign_in_quickly(world, browser, lena), CHANGE, current=PASSWORD, password=NEW)
        with world.deployment.transaction(world.origin) as tx:
            token = create_token(tx, lena)
            changed = beside(change)
            assert waits_for_a_lock(world.deployment)

        assert changed.result(timeout=10).headers["location"] == "/account"
        assert answer_to(client, token) == 401

    def test_refuses_a_token_that_is_asked_for_by_a_browser_that_it_signed_out(
        self, world: World, lena: Account, browser: Browser, clock: MovableClock, beside: Beside
    ):
        mine = sign_in(world, lena)
        assert mine
        make = sending(signed_in_a_while_ago(world, clock, browser, lena), TOKENS)
        clock.advance(minutes=5)
        with world.deployment.transaction(world.origin) as tx:
            session = signin.get_session(tx, lena, mine.session.id)
            passwords = world.deployment.passwords
            assert signin.change_password(tx, session, old=PASSWORD, new=NEW, passwords=passwords)
            personal_tokens.revoke_all(tx, lena)
            made = beside(make)
            assert waits_for_a_lock(world.deployment)

        assert made.result(timeout=10).headers["location"].startswith("/login?")
        assert live_tokens(world, lena) == 0
        assert world.events(lena.organization, "personal_token.created") == []


class TestDisablingASignIn:
    def test_ends_sessions_and_tokens_for_good(
        self, world: World, client: TestClient, lena: Account, browser: Browser, enable: Callable[..., int]
    ):
        token = world.token(lena)
        browser.sign_in(lena)
        before = (browser.get("/account").heading, answer_to(client, token))

        assert (enable(enabled=False), enable(enabled=True)) == (200, 200)
        assert (before, answer_to(client, token)) == (("Account", 200), 401)
        assert browser.get("/account").heading == "Sign in"
        assert browser.sign_in(lena).get("/account").heading == "Account"

    def test_refuses_a_token_that_is_being_asked_for(
        self, world: World, lena: Account, browser: Browser, clock: MovableClock, beside: Beside
    ):
        """The page has noted nothing about its session yet, which the administrator is about to end."""
        make = sending(signed_in_a_while_ago(world, clock, browser, lena), TOKENS)
        clock.advance(minutes=5)
        with world.deployment.transaction(world.origin) as tx:
            person = directory.find_account_for_update(tx, lena.id)
            assert person
            made = beside(make)
            assert waits_for_a_lock(world.deployment)
            disable_in(tx, person)

        assert made.result(timeout=10).status_code == 409
        assert live_tokens(world, lena) == 0
        assert live_sessions(world, lena) == 0

    @pytest.mark.parametrize("end", ["enable", "delete"])
    def test_waits_for_somebody_who_signs_out_and_kills_nobody(
        self, world: World, lena: Account, request: pytest.FixtureRequest, end: str, beside: Beside
    ):
        """Sessions are ended before the record, as a sign-out does it."""
        mine = sign_in(world, lena)
        assert mine
        act = request.getfixturevalue(end)
        with world.deployment.transaction(world.origin) as tx:
            signin.sign_out(tx, signin.get_session(tx, lena, mine.session.id))
            ended = beside(act if end == "delete" else lambda: act(enabled=False))
            assert waits_for_a_lock(world.deployment)

        assert ended.result(timeout=10) in {200, 204}
        assert live_sessions(world, lena) == 0
