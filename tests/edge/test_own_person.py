"""Who asks who they are is answered in groups, with the very bytes of the ordinary way."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from appanage.deployment import Deployment
from appanage.directory import queries, service
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.kit.metrics import ANSWERED
from support.connecting import connect
from support.world import World

READ, READ_AS_ADMIN = "spark:people_read", "spark-admin:people_read"
OF_ADMINISTRATORS = {"roles", "licenses", "loginEnabled", "invitePending"}


@pytest.fixture
def ada(world: World) -> Account:
    """Everything is said of her."""
    organization = world.organization()
    manager = world.person(organization)
    profile = Profile(
        email=f"ada.{organization.id}@northwind.example",
        display_name="Ada Löwe „L“",
        first_name="Ada",
        last_name="Löwe",
        nick_name="Addie",
        avatar="https://northwind.example/ada.png",
        title="Head of Engines",
        department="Engines",
        manager="Charles",
        manager_id=manager.id,
        extension="42",
        location_id="building-7",
        time_zone="Europe/London",
        phone_numbers=({"type": "work", "value": "+1 555 0100", "primary": True},),
        addresses=({"type": "work", "country": "GB", "locality": None},),
        site_urls=("https://northwind.example",),
    )
    with world.deployment.transaction(world.origin) as tx:
        by = queries.get_account(tx, organization.id, manager.id)
        licenses = [
            service.create_license(tx, by.organization, code=code, name=code, units=5).id
            for code in ("MS", "EE")
        ]
        return service.create_person(
            tx,
            by.organization,
            profile,
            by=by.as_actor(),
            own_domains=world.deployment.settings.own_domains,
            licenses=licenses,
        )


def give_role(world: World, person: Account, role: Role) -> None:
    with world.deployment.transaction(world.origin) as tx:
        queries.get_account(tx, person.organization_id, person.id).assign(frozenset({role}))


def token(world: World, person: Account, *scopes: str) -> str:
    made = world.integration(scopes=scopes)
    return connect(world, made.app, person, *scopes).access_token.reveal()


@pytest.fixture
def answered() -> Callable[[], float]:
    """How many answers the edge has found by itself meanwhile."""
    counter = ANSWERED.labels("OwnPerson")
    before = counter._value.get()
    return lambda: counter._value.get() - before


def both_ways(client: TestClient, bearer: str) -> tuple[Any, Any]:
    """A query that means nothing makes the request one for the ordinary way."""
    headers = {"Authorization": f"Bearer {bearer}"}
    found, ordinary = (client.get(f"/v1/people/me{query}", headers=headers) for query in ("", "?n=1"))
    assert found.status_code == 200
    for answer in (found, ordinary):
        del answer.headers["trackingid"]
    return found, ordinary


def test_a_person_is_shown_as_by_the_ordinary_way(
    world: World, client: TestClient, ada: Account, answered: Any
):
    found, ordinary = both_ways(client, token(world, ada, READ))

    assert answered() == 1
    assert (found.content, dict(found.headers)) == (ordinary.content, dict(ordinary.headers))
    assert found.json()["displayName"] == "Ada Löwe „L“"
    assert not OF_ADMINISTRATORS & set(found.json())


@pytest.mark.parametrize(
    ("role", "shown"), [(Role.USER_ADMIN, OF_ADMINISTRATORS), (Role.DEVICE_ADMIN, set())]
)
def test_what_administrators_see_takes_the_scope_and_the_role(
    world: World, client: TestClient, ada: Account, answered: Any, role: Role, shown: set[str]
):
    give_role(world, ada, role)
    found, ordinary = both_ways(client, token(world, ada, READ_AS_ADMIN))

    assert answered() == 1
    assert found.content == ordinary.content
    assert OF_ADMINISTRATORS & set(found.json()) == shown
    assert len(found.json().get("licenses", ["", ""])) == 2


def test_a_machine_account_is_shown_as_by_the_ordinary_way(world: World, client: TestClient, answered: Any):
    found, ordinary = both_ways(client, world.machine_token(world.organization(), READ_AS_ADMIN))

    assert answered() == 1
    assert found.content == ordinary.content
    assert found.json()["accountType"] == "machine"
    assert found.json()["applicationId"]
    assert (found.json()["roles"], found.json()["licenses"]) == ([], [])


def test_whoever_may_not_ask_is_refused_by_the_ordinary_way(
    world: World, client: TestClient, ada: Account, answered: Any
):
    headers = {"Authorization": f"Bearer {token(world, ada, 'spark:kms')}"}

    answer = client.get("/v1/people/me", headers=headers)

    assert answer.status_code == 403
    assert answered() == 0


def test_a_personal_token_goes_the_ordinary_way_which_notes_its_use(
    world: World, client: TestClient, ada: Account, answered: Any
):
    headers = {"Authorization": f"Bearer {world.token(ada)}"}

    assert client.get("/v1/people/me", headers=headers).status_code == 200
    assert answered() == 0


def test_where_the_group_fails_the_ordinary_way_answers(
    world: World,
    client: TestClient,
    deployment: Deployment,
    ada: Account,
    answered: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    bearer = token(world, ada, READ)

    async def fail(*_: Any) -> list[None]:
        return [None]

    monkeypatch.setattr(deployment.desk._accounts, "_answer", fail)

    found, ordinary = both_ways(client, bearer)
    assert found.content == ordinary.content
    assert answered() == 0
