"""What people allowed apps: listed and ended over the API, and when a token expires."""

import uuid
from datetime import datetime, timedelta

import pytest

from api.conftest import Caller, Calling
from api.contract import check_answer
from appanage.apps.model import App
from appanage.authorizations import refresh_tokens
from appanage.authorizations.tokens import TokenPair
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.kit.ids import Kind
from support.clock import MovableClock
from support.connecting import connect, is_alive
from support.consenting import integration
from support.refusals import counted_statements
from support.world import World

READ, WRITE = "identity:tokens_read", "identity:tokens_write"
DECIDERS = {Role.FULL_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN}
WITH_THE_SCOPE = {*DECIDERS, Role.READONLY_ADMIN, Role.SUPPORT_ADMIN}


@pytest.fixture
def admin(world: World, calling: Calling, priya: Account) -> Caller:
    return calling(world.token(priya, READ, WRITE))


def of(world: World, person: Account) -> str:
    return f"/authorizations?personId={world.public_id(Kind.PEOPLE, person.id)}"


def id_of(world: World, pair: TokenPair) -> str:
    return world.public_id(Kind.AUTHORIZATION, str(pair.access.claims.family))


def refreshes(world: World, pair: TokenPair) -> bool:
    assert pair.refresh_token is not None
    with world.deployment.transaction(world.origin) as tx:
        row = refresh_tokens.find(tx, pair.refresh_token.reveal())
        return row is not None and row.revoked_at is None and row.authorization.is_active


def test_an_administrator_lists_what_a_person_allowed(
    world: World, admin: Caller, lena: Account, app: App, clock: MovableClock
):
    """CONS-10: by id, by bare id, by address; the newest first, as the vendor describes it."""
    older = connect(world, app, lena)
    clock.advance(minutes=1)
    newer = connect(world, integration(world, name="Room Finder"), lena)

    listed = admin.get(of(world, lena))

    check_answer("GET /authorizations", listed)
    assert [one["id"] for one in listed["items"]] == [id_of(world, newer), id_of(world, older)]
    assert listed["items"][1] == {
        "id": id_of(world, older),
        "applicationId": world.public_id(Kind.APPLICATION, app.client_id),
        "applicationName": "Desk Booking",
        "personId": world.public_id(Kind.PEOPLE, lena.id),
        "clientId": app.client_id,
        "created": listed["items"][1]["created"],
        "type": "refresh",
    }
    assert admin.get(f"/authorizations?personId={lena.id}") == listed
    assert admin.get(f"/authorizations?personEmail={lena.email.upper()}") == listed


def test_a_person_lists_and_ends_what_is_their_own(
    world: World, calling: Calling, organization: Organization, lena: Account, app: App
):
    """CONS-10: with no role at all."""
    pair = connect(world, app, lena)
    herself = calling(world.token(lena, "spark:all"))

    (item,) = herself.get(of(world, lena))["items"]
    assert herself.get(f"/authorizations?personEmail={lena.email}")["items"] == [item]
    herself.delete(f"/authorizations/{item['id']}")

    assert herself.get(of(world, lena))["items"] == []
    assert (is_alive(world, pair), refreshes(world, pair)) == (False, False)
    (revoked,) = world.events(organization, "token.revoked")
    assert (revoked.actor_name, revoked.target_name) == ("Lena Vogt", "Desk Booking")


def test_only_living_refresh_tokens_of_people_are_listed(
    world: World,
    calling: Calling,
    admin: Caller,
    organization: Organization,
    lena: Account,
    app: App,
    clock: MovableClock,
):
    """Not those of Service Apps, nor what expired or ended with its authorization."""
    made = world.service_app(world.developer(organization))
    machine = world.authorize(made, world.full_admin(organization)).account
    world.retrieve(made, organization)
    connect(world, app, lena)

    admin.get(of(world, machine), 404)
    assert len(admin.get(of(world, lena))["items"]) == 1
    clock.advance(days=1)
    later = calling(world.token(world.full_admin(organization), READ, WRITE))
    later.delete(f"/authorizations?clientId={app.client_id}")
    assert later.get(of(world, lena))["items"] == []
    connect(world, app, lena)
    clock.advance(seconds=world.deployment.settings.lifetimes.refresh_token.total_seconds())
    much_later = calling(world.token(world.full_admin(organization), READ, WRITE))
    assert much_later.get(of(world, lena))["items"] == []


def test_ending_one_grant_leaves_the_others(
    world: World, admin: Caller, organization: Organization, lena: Account, app: App
):
    """REV-01: its access tokens die with it, those of another device do not."""
    phone, laptop = connect(world, app, lena), connect(world, app, lena)

    admin.delete(f"/authorizations/{id_of(world, phone)}")

    assert [is_alive(world, pair) for pair in (phone, laptop)] == [False, True]
    assert [refreshes(world, pair) for pair in (phone, laptop)] == [False, True]
    (revoked,) = world.events(organization, "token.revoked")
    assert revoked.actor_name == "Priya Raman"
    admin.delete(f"/authorizations/{id_of(world, phone)}", 404)


def test_ending_a_client_disconnects_everybody_in_the_organization(
    world: World, admin: Caller, organization: Organization, lena: Account, app: App
):
    other_app, abroad = integration(world), world.organization()
    doomed = [connect(world, app, one) for one in (lena, world.person(organization))]
    spared = [connect(world, other_app, lena), connect(world, app, world.person(abroad))]

    admin.delete(f"/authorizations?clientId={app.client_id}&orgId={world.organization_id(organization)}")

    assert not any(is_alive(world, pair) or refreshes(world, pair) for pair in doomed)
    assert all(is_alive(world, pair) for pair in spared)
    (withdrawn,) = world.events(organization, "consent.withdrawn")
    assert withdrawn.data["people"] == 2


def test_clients_that_nobody_here_connected_read_the_same(
    world: World, admin: Caller, organization: Organization, app: App
):
    """CONS-12: nobody's, a Service App's, one that is connected elsewhere."""
    pair = connect(world, app, world.person(world.organization()))
    made = world.service_app(world.developer(organization))
    messages = set()

    for client_id in ("C" + "0" * 64, made.client_id, app.client_id):
        admin.delete(f"/authorizations?clientId={client_id}", 404)
        messages.add(admin.response.json()["message"])

    assert len(messages) == 1
    assert is_alive(world, pair)


@pytest.mark.parametrize("role", OF_EVERY_ORGANIZATION)
def test_roles_decide_beside_the_scope(
    world: World, calling: Calling, organization: Organization, lena: Account, app: App, role: Role
):
    """CONS-06, and the platform's own table: full, user and device administrators, not those who only read."""
    pair = connect(world, app, lena)
    scopes = [READ, WRITE] if role in WITH_THE_SCOPE else ["spark:all"]
    caller = calling(world.token(world.person(organization, role), *scopes))
    may = role in DECIDERS
    hidden = 403 if role in WITH_THE_SCOPE else 404

    caller.get(of(world, lena), 200 if may else 403)
    caller.send(
        "DELETE",
        f"/authorizations?clientId={app.client_id}&orgId={uuid.uuid4()}",
        404 if role in WITH_THE_SCOPE else 403,
    )
    caller.delete(f"/authorizations/{id_of(world, pair)}", 204 if may else hidden)
    caller.delete(f"/authorizations?clientId={app.client_id}", 204 if may else 403)

    assert is_alive(world, pair) == (not may)
    assert (len(world.events(organization, "access.refused")) > 0) == (not may and role in WITH_THE_SCOPE)


def test_who_is_no_administrator_learns_nothing_about_others(
    world: World, calling: Calling, lena: Account, app: App, organization: Organization
):
    """CONS-11: a colleague and nobody read the same."""
    pair = connect(world, app, world.person(organization))
    herself = calling(world.token(lena, "spark:all"))
    colleague = world.person(organization)

    for whom in (f"personId={colleague.id}", f"personId={uuid.uuid4()}", "personEmail=nobody@people.example"):
        herself.get(f"/authorizations?{whom}", 403)
        assert herself.response.json()["errors"] == [{"description": f"Missing scope: {READ}."}]
    for grant in (id_of(world, pair), str(uuid.uuid4())):
        herself.delete(f"/authorizations/{grant}", 404)
        assert herself.response.json()["message"] == "There is no authorization with this id."
    assert is_alive(world, pair)


def test_people_and_grants_of_other_organizations_do_not_exist(world: World, admin: Caller, app: App):
    """TEN-01, CONS-11."""
    stranger = world.person(world.organization())
    pair = connect(world, app, stranger)

    admin.get(of(world, stranger), 404)
    admin.get(f"/authorizations?personEmail={stranger.email}", 404)
    admin.delete(f"/authorizations/{id_of(world, pair)}", 404)
    admin.delete(f"/authorizations?clientId={app.client_id}&orgId={stranger.organization_id}", 404)

    assert is_alive(world, pair)


def test_an_app_ends_only_what_was_issued_to_itself(world: World, calling: Calling, lena: Account, app: App):
    """Reference §5.3: without the administrators' scope the calling token must come from the same client."""
    powerful = integration(world, scopes=("spark:all",))
    own, other = connect(world, powerful, lena), connect(world, app, lena)
    caller = calling(own.access_token.reveal())

    caller.delete(f"/authorizations/{id_of(world, other)}", 404)
    assert is_alive(world, other)
    caller.delete(f"/authorizations/{id_of(world, own)}")
    caller.get(of(world, lena), 401)


def test_a_service_app_with_the_scopes_does_what_administrators_do(
    world: World, calling: Calling, organization: Organization, lena: Account, app: App
):
    """A machine account acts by its scopes."""
    machine = calling(world.machine_token(organization, READ, WRITE))
    first = connect(world, app, lena)

    (item,) = machine.get(of(world, lena))["items"]
    machine.delete(f"/authorizations/{item['id']}")
    assert not is_alive(world, first)
    second = connect(world, app, lena)
    machine.delete(f"/authorizations?clientId={app.client_id}")
    assert not is_alive(world, second)


@pytest.mark.parametrize(
    "query", ["", "?personId=&personEmail=", "?personId={id}&personEmail={email}", "?personEmail=%00"]
)
def test_exactly_one_person_is_named(world: World, admin: Caller, lena: Account, query: str):
    admin.get("/authorizations" + query.format(id=lena.id, email=lena.email), 400)


@pytest.mark.parametrize("query", ["", "?clientId=", "?clientId=a&clientId=b"])
def test_exactly_one_client_is_named(admin: Caller, query: str):
    admin.send("DELETE", f"/authorizations{query}", 400)


def test_every_token_can_ask_when_it_expires(
    world: World, calling: Calling, organization: Organization, lena: Account, app: App, clock: MovableClock
):
    """In milliseconds, for personal tokens, people's and machines' alike, whatever their scopes."""
    pair = connect(world, app, lena)
    personal = world.token(lena, "spark:rooms_read", hours=2)
    expected: dict[str, datetime] = {
        personal: clock() + timedelta(hours=2),
        pair.access_token.reveal(): pair.access_expires_at,
    }

    for token, expires_at in expected.items():
        answer = calling(token).get("/authorizations/tokenExpiry")
        check_answer("GET /authorizations/tokenExpiry", answer)
        assert answer["exp"] == pytest.approx(expires_at.timestamp() * 1000, abs=5000)
    machine = calling(world.machine_token(organization))
    assert machine.get("/authorizations/tokenExpiry")["exp"] > clock().timestamp() * 1000
    calling("").get("/authorizations/tokenExpiry", 401)


def test_a_list_costs_the_same_for_2_and_for_20(world: World, admin: Caller, lena: Account):
    """TEN-05."""
    counts = []
    for size in (2, 20):
        while len(admin.get(of(world, lena))["items"]) < size:
            connect(world, integration(world), lena)
        with counted_statements(world) as statements:
            admin.get(of(world, lena))
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 8
