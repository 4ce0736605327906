"""The published Python SDK, pointed at our address and otherwise as it is."""

import uuid
from collections.abc import Callable

import pytest
from webexpythonsdk import ApiError, WebexAPI

from support.world import MadeApp, World


@pytest.fixture
def made(live: World) -> MadeApp:
    organization = live.organization("Northwind Traders")
    made = live.service_app(live.developer(organization))
    live.authorize(made, live.full_admin(organization))
    return made


@pytest.fixture
def sdk(live: World, made: MadeApp) -> WebexAPI:
    token = live.retrieve(made, made.app.organization).access_token.reveal()
    return connected(live, token)


def connected(live: World, token: str) -> WebexAPI:
    return WebexAPI(access_token=token, base_url=f"{live.deployment.settings.base_url}/v1/")


def address() -> str:
    return f"new.hire.{uuid.uuid4().hex[:8]}@northwind.example"


def test_a_service_app_provisions_people(live: World, made: MadeApp, sdk: WebexAPI):
    email = address()

    person = sdk.people.create(emails=[email], firstName="Noor", lastName="Haddad", displayName="Noor Haddad")

    assert person.emails == [email]
    assert person.orgId == live.organization_id(made.app.organization)
    assert person.type == "person"
    assert sdk.people.get(person.id).displayName == "Noor Haddad"

    changed = sdk.people.update(
        person.id, emails=[email], displayName="Noor Haddad-Lindqvist", lastName="Lindqvist"
    )

    assert changed.displayName == "Noor Haddad-Lindqvist"
    assert [found.id for found in sdk.people.list(email=email)] == [person.id]

    sdk.people.delete(person.id)

    assert list(sdk.people.list(email=email)) == []


def test_a_list_is_read_page_by_page_to_its_end(live: World, made: MadeApp, sdk: WebexAPI):
    for _ in range(7):
        live.person(made.app.organization)

    people = list(sdk.people.list(max=3))

    assert len(people) == len({person.id for person in people}) == 9


def test_the_machine_account_knows_itself(live: World, made: MadeApp, sdk: WebexAPI):
    me = sdk.people.me()

    assert me.type == "appuser"
    assert me.orgId == live.organization_id(made.app.organization)
    assert me.json_data["applicationId"] == live.app_id(made)


def test_after_deauthorization_the_next_call_is_401(live: World, made: MadeApp, sdk: WebexAPI):
    assert sdk.people.me().type == "appuser"

    live.deauthorize(made, live.full_admin(made.app.organization))

    with pytest.raises(ApiError) as refused:
        list(sdk.people.list())
    assert refused.value.status_code == 401
    assert "valid access token" in refused.value.message


@pytest.mark.parametrize(
    "act",
    [
        lambda sdk: sdk.people.get(
            "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8wMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA"
        ),
        lambda sdk: sdk.people.create(emails=["not an address"], displayName="X"),
        lambda sdk: list(sdk.roles.list()),
    ],
)
def test_the_sdk_understands_our_refusals(sdk: WebexAPI, act: Callable[[WebexAPI], object]):
    with pytest.raises(ApiError) as refused:
        act(sdk)

    assert refused.value.status_code in {400, 403, 404}
    assert refused.value.message
    assert refused.value.details["trackingId"]


def test_an_administrator_reads_the_directory_and_the_audit_log(live: World):
    organization = live.organization()
    sdk = connected(live, live.token(live.full_admin(organization)))

    assert [one.id for one in sdk.organizations.list()] == [live.organization_id(organization)]
    assert "Full Administrator" in {role.name for role in sdk.roles.list()}
    assert list(sdk.licenses.list()) == []
    events = sdk.admin_audit_events.list(
        orgId=live.organization_id(organization),
        _from="2026-01-01T00:00:00.000Z",
        to="2026-12-31T00:00:00.000Z",
    )
    assert {event.data.eventCategory for event in events} >= {"ORG_SETTINGS", "USERS"}


def test_the_sdk_fetches_and_refreshes_tokens(live: World, made: MadeApp):
    pair = live.retrieve(made, made.app.organization)
    developer = connected(live, live.token(live.developer(live.organization())))

    refreshed = developer.access_tokens.refresh(
        client_id=made.client_id, client_secret=made.secret, refresh_token=pair.refresh_token.reveal()
    )

    assert refreshed.access_token != pair.access_token.reveal()
    assert refreshed.refresh_token == pair.refresh_token.reveal()
    assert connected(live, refreshed.access_token).people.me().type == "appuser"
