"""Who makes or changes apps is looked at again when the wait for a lock is over; and nobody is killed for waiting."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from appanage.apps import queries as apps
from appanage.authorizations.departures import end_sign_in, remove_person
from appanage.authorizations.model import BotToken
from appanage.deployment import Deployment, assemble
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization
from appanage.directory.service import Profile
from appanage.profiles import ProfileName
from appanage.storage import Transaction
from stores.test_locks import waits_for_a_lock
from support.at_once import at_once
from support.clock import MovableClock
from support.live import settings_for
from support.world import MadeBot, World

Loss = Callable[[Transaction, Account, Account], None]
Beside = Callable[[Callable[[], Response]], Future[Response]]
MANY = 6


def role(tx: Transaction, person: Account, by: Account) -> None:
    directory_service.assign_roles(tx, person, [], by=by)


def account(tx: Transaction, person: Account, by: Account) -> None:
    remove_person(tx, person, by=by, longest_token=timedelta(days=14))


def sign_in(tx: Transaction, person: Account, by: Account) -> None:
    end_sign_in(tx, person)
    profile = Profile(person.email, display_name=person.display_name, login_enabled=False)
    directory_service.update_person(tx, person, profile, by=by, own_domains=())


whatever_is_lost = pytest.mark.parametrize(
    ("profile", "loss"),
    [
        (ProfileName.FEDRAMP, role),
        *((profile, loss) for profile in ProfileName for loss in (account, sign_in)),
    ],
    indirect=["profile"],
)
"""Without the role everybody makes apps, but for the fedramp profile."""


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> ProfileName:
    return ProfileName(getattr(request, "param", ProfileName.COMMERCIAL))


@pytest.fixture
def deployment(database_url: str, clock: MovableClock, profile: ProfileName) -> Iterator[Deployment]:
    """With a connection for each of many threads."""
    made = assemble(settings_for(profile=profile, database_pool=2 * MANY), database_url, clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Asks for something at the same time, in a thread of its own."""
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


@pytest.fixture
def organization(world: World) -> Organization:
    return world.organization("Northwind Traders")


@pytest.fixture
def dana(world: World, organization: Organization) -> Account:
    """Whose the bot is: a Full Administrator, who may make apps everywhere."""
    return world.full_admin(organization, name="Dana Kim")


@pytest.fixture
def priya(world: World, organization: Organization) -> Account:
    """Another Full Administrator."""
    return world.full_admin(organization, name="Priya Raman")


@pytest.fixture
def headers(world: World, dana: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.token(dana)}"}


@pytest.fixture
def bot(world: World, dana: Account) -> MadeBot:
    return world.bot(dana)


@pytest.fixture
def regenerate(client: TestClient, bot: MadeBot, headers: dict[str, str]) -> Callable[[], Response]:
    return lambda: client.delete(f"/v1/applications/{bot.app.client_id}/botToken", headers=headers)


@pytest.fixture
def revoke(client: TestClient, bot: MadeBot, headers: dict[str, str]) -> Callable[[], Response]:
    """As the administrator that the owner is, too."""
    return lambda: client.delete(f"/v1/bots/{bot.app.client_id}/token", headers=headers)


def take(world: World, loss: Loss, person: Account, by: Account) -> None:
    """The person loses it, while others wait."""
    with world.deployment.transaction(world.origin) as tx:
        whom = directory.get_account(tx, person.organization_id, person.id, for_update=True)
        loss(tx, whom, directory.get_account(tx, by.organization_id, by.id))


def lock(tx: Transaction, bot: MadeBot) -> None:
    developer = bot.developer
    by = directory.get_account(tx, developer.organization_id, developer.id)
    apps.get_owned(tx, by, bot.id, for_update=True)


def live_tokens(world: World, bot: MadeBot) -> int:
    query = select(func.count()).where(BotToken.app_id == bot.id, BotToken.revoked_at.is_(None))
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(query) or 0


class TestWhoMayActNoMoreWhenTheWaitIsOver:
    """CONS-06: what was true before the wait does not count."""

    @whatever_is_lost
    def test_makes_no_token_for_their_bot(
        self,
        world: World,
        client: TestClient,
        organization: Organization,
        dana: Account,
        priya: Account,
        bot: MadeBot,
        regenerate: Callable[[], Response],
        beside: Beside,
        loss: Loss,
    ):
        with world.deployment.transaction(world.origin) as tx:
            lock(tx, bot)
            regenerated = beside(regenerate)
            assert waits_for_a_lock(world.deployment)
            take(world, loss, dana, priya)

        assert regenerated.result(timeout=10).status_code == 403
        assert len(world.events(organization, "bot_token.created")) == 1
        me = client.get("/v1/people/me", headers={"Authorization": f"Bearer {bot.token}"})
        assert me.status_code == 200

    @whatever_is_lost
    def test_makes_no_bot(
        self,
        world: World,
        client: TestClient,
        organization: Organization,
        dana: Account,
        priya: Account,
        headers: dict[str, str],
        beside: Beside,
        loss: Loss,
    ):
        address = f"standup-{uuid.uuid4().hex}@{world.deployment.settings.bot_domain}"
        draft = {
            "type": "bot",
            "name": "Stand-up Bot",
            "description": "Asks the team what is going on.",
            "botEmail": address,
            "logo": "https://bots.example/logo.png",
        }
        with world.deployment.transaction(world.origin) as tx:
            directory_service.lock_address(tx, address)
            made = beside(lambda: client.post("/v1/applications", json=draft, headers=headers))
            assert waits_for_a_lock(world.deployment)
            take(world, loss, dana, priya)

        assert made.result(timeout=10).status_code == 403
        assert world.events(organization, "app.created") == []
        with world.deployment.transaction(world.origin) as tx:
            assert not directory.is_address_taken(tx, address)


class TestTheOwnerOfABotWhoIsItsAdministratorToo:
    """The app is held before the account, whoever asks."""

    def test_revokes_and_regenerates_its_token_one_after_the_other(
        self,
        world: World,
        bot: MadeBot,
        regenerate: Callable[[], Response],
        revoke: Callable[[], Response],
        beside: Beside,
    ):
        with world.deployment.transaction(world.origin) as tx:
            lock(tx, bot)
            regenerated = beside(regenerate)
            assert waits_for_a_lock(world.deployment)
            revoked = beside(revoke)
            assert waits_for_a_lock(world.deployment, many=2)

        assert regenerated.result(timeout=10).status_code == 200
        assert revoked.result(timeout=10).status_code == 204
        assert live_tokens(world, bot) <= 1

    def test_does_so_many_times_at_once(
        self,
        world: World,
        bot: MadeBot,
        regenerate: Callable[[], Response],
        revoke: Callable[[], Response],
    ):
        answers = at_once([regenerate, revoke] * MANY)

        statuses = [getattr(one, "status_code", one) for one in answers]
        assert sorted(statuses, key=str) == [200] * MANY + [204] * MANY
        assert live_tokens(world, bot) <= 1
