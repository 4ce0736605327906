"""The policy on Integrations over the API: looked at, decided on, and how much apps are used under it."""

import uuid
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.test_statements import statements_of
from appanage.api.schemas import format_time
from appanage.apps.model import App
from appanage.authorizations.model import PolicyMode
from appanage.authorizations.tokens import TokenPair
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, Role
from appanage.kit.errors import Refused
from appanage.kit.ids import Kind
from support.clock import MovableClock
from support.connecting import connect, consent, is_alive, set_policy, set_rule
from support.consenting import integration
from support.world import World

ALLOW, BLOCK = PolicyMode.ALLOW, PolicyMode.BLOCK
DENY_ALL = {"type": "default", "action": "deny"}
READERS = {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}
READ = "spark-admin:organizations_read"


@pytest.fixture
def pair(world: World, app: App, lena: Account) -> TokenPair:
    """What Desk Booking holds for Lena."""
    return connect(world, app, lena)


def default_of(world: World, organization: Organization) -> str:
    return world.public_id(Kind.POLICY, organization.id)


def rule_on(world: World, organization: Organization, app: App) -> str:
    return world.public_id(Kind.POLICY, f"{organization.id}:{app.id}")


def deny(app: App) -> dict[str, Any]:
    return {"type": "custom", "action": "deny", "appId": app.client_id}


def allow(app: App) -> dict[str, Any]:
    return deny(app) | {"action": "allow"}


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_every_organization_has_a_default_policy_that_allows(
    world: World, admin: Caller, organization: Organization
):
    """Also when nobody has ever decided anything; by its id and by the organization's bare one."""
    (default,) = admin.get("/policies")["items"]

    assert default == {
        "id": default_of(world, organization),
        "name": "Default",
        "orgId": world.organization_id(organization),
        "type": "default",
        "action": "allow",
        "created": format_time(organization.created_at),
    }
    assert admin.get(f"/policies/{default['id']}") == default
    assert admin.get(f"/policies/{organization.id}") == default


def test_a_denied_app_is_disconnected_and_can_not_be_connected_again(
    world: World, admin: Caller, organization: Organization, lena: Account, app: App, pair: TokenPair
):
    """CONS-10: the answer and the event say how many people that were."""
    made = admin.post("/policies", deny(app))

    assert made.pop("connectionsEnded") == 1
    assert made == {
        "id": rule_on(world, organization, app),
        "appId": world.public_id(Kind.APPLICATION, app.client_id),
        "name": "Desk Booking",
        "orgId": world.organization_id(organization),
        "type": "custom",
        "action": "deny",
        "created": made["created"],
    }
    assert admin.get(f"/policies/{made['id']}") == made
    assert not is_alive(world, pair)
    assert isinstance(consent(world, app, lena), Refused)
    (blocked,) = world.events(organization, "integration.blocked")
    assert (blocked.actor_name, blocked.target_name) == ("Priya Raman", "Desk Booking")
    assert blocked.data == {"ruleBefore": None, "connectionsEnded": 1}


def test_an_app_is_named_by_its_id_or_its_client_id(world: World, admin: Caller, app: App):
    """Whoever knows an app's client id can decide on it, before anybody has connected it."""
    by_client_id = admin.post("/policies", deny(app))
    by_public_id = admin.post("/policies", deny(app) | {"appId": by_client_id["appId"]})
    by_bare_id = admin.post("/policies", deny(app) | {"appId": str(app.id)})

    assert by_client_id == by_public_id == by_bare_id


def test_a_second_decision_on_an_app_replaces_the_first(
    world: World, admin: Caller, organization: Organization, app: App, clock: MovableClock
):
    """So a request that is sent again does no harm, and records nothing."""
    first = admin.post("/policies", deny(app))
    clock.advance(minutes=1)
    again = admin.post("/policies", deny(app))
    other = admin.post("/policies", allow(app))

    assert again == first
    assert (other["id"], other["action"]) == (first["id"], "allow")
    assert other["created"] > first["created"]
    assert names(admin.get("/policies")["items"]) == ["Default", "Desk Booking"]
    assert len(world.events(organization, "integration.blocked")) == 1
    assert len(world.events(organization, "integration.allowed")) == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_the_default_denies_what_no_other_policy_allows(
    world: World,
    admin: Caller,
    organization: Organization,
    lena: Account,
    app: App,
    pair: TokenPair,
    method: str,
):
    spared_app = integration(world, name="Room Finder")
    spared = connect(world, spared_app, lena)
    admin.post("/policies", allow(spared_app))
    default = default_of(world, organization)

    changed = admin.send(
        method, "/policies" if method == "POST" else f"/policies/{default}", 200, json=DENY_ALL
    )

    assert (changed["id"], changed["action"], changed["connectionsEnded"]) == (default, "deny", 1)
    assert [is_alive(world, one) for one in (pair, spared)] == [False, True]
    (event,) = world.events(organization, "integration_policy.changed")
    assert event.data == {"mode": {"before": "allow", "after": "block"}, "connectionsEnded": 1}
    assert admin.get(f"/policies/{default}")["created"] == changed["created"]


def test_the_action_of_a_policy_is_changed(
    world: World, admin: Caller, organization: Organization, app: App, pair: TokenPair
):
    """The type must be said; the app and other facts of the policy may come along, as they were read."""
    made = admin.post("/policies", allow(app))

    changed = admin.put(f"/policies/{made['id']}", made | {"action": "deny"})

    assert (changed["action"], changed["connectionsEnded"]) == ("deny", 1)
    assert not is_alive(world, pair)
    assert admin.put(f"/policies/{made['id']}", DENY_ALL | {"type": "custom"})["connectionsEnded"] == 0
    assert len(world.events(organization, "integration.blocked")) == 1


def test_a_deleted_policy_leaves_the_app_to_the_default(
    world: World, admin: Caller, organization: Organization, app: App, pair: TokenPair
):
    """Where the default denies, people are disconnected by that."""
    policy = admin.post("/policies", allow(app))["id"]
    admin.post("/policies", DENY_ALL)
    assert is_alive(world, pair)

    admin.delete(f"/policies/{policy}")

    assert not is_alive(world, pair)
    (removed,) = world.events(organization, "integration.rule_removed")
    assert removed.data == {"ruleBefore": "allow", "connectionsEnded": 1}
    assert names(admin.get("/policies")["items"]) == ["Default"]
    for method in ("GET", "DELETE"):
        admin.send(method, f"/policies/{policy}", 404)
    admin.put(f"/policies/{policy}", allow(app), 404)


def test_the_default_is_not_deleted(world: World, admin: Caller, organization: Organization):
    admin.post("/policies", DENY_ALL)

    admin.delete(f"/policies/{default_of(world, organization)}", 409)

    assert admin.response.json()["message"] == "The default policy stays. Change its action instead."
    assert admin.get("/policies")["items"][0]["action"] == "deny"


def test_what_cannot_be_meant_is_refused_by_name(
    world: World, admin: Caller, organization: Organization, app: App, pair: TokenPair
):
    """400 with the field; nobody is disconnected by a slip."""
    rule, default = (
        f"/policies/{admin.post('/policies', allow(app))['id']}",
        f"/policies/{default_of(world, organization)}",
    )
    other = integration(world, name="Room Finder")
    wrong: list[tuple[str, str, dict[str, Any], str]] = [
        (
            "POST",
            "/policies",
            deny(app) | {"type": "default"},
            "appId: The default policy is not about one app.",
        ),
        ("POST", "/policies", DENY_ALL | {"type": "custom"}, "appId: Say which app this is about."),
        ("POST", "/policies", {"type": "custom", "appId": app.client_id}, "action is required."),
        ("POST", "/policies", {"action": "deny"}, "type is required."),
        ("PUT", default, deny(app), "type: The type of a policy cannot be changed."),
        ("PUT", default, deny(app) | {"type": "default"}, "appId: The app of a policy cannot be changed."),
        ("PUT", rule, DENY_ALL, "type: The type of a policy cannot be changed."),
        ("PUT", rule, deny(other), "appId: The app of a policy cannot be changed."),
    ]

    for method, path, body, sentence in wrong:
        admin.send(method, path, 400, json=body)
        assert admin.response.json()["errors"] == [{"description": sentence}]
    admin.post("/policies", deny(app) | {"action": "block"}, 400)
    assert is_alive(world, pair)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_policies_for_single_people_are_refused(
    world: World, admin: Caller, lena: Account, app: App, method: str
):
    """Ignored, one for Lena would be one for everybody."""
    made = admin.post("/policies", allow(app) | {"personIds": []})
    path = "/policies" if method == "POST" else f"/policies/{made['id']}"
    person = world.public_id(Kind.PEOPLE, lena.id)

    admin.send(method, path, 400, json=deny(app) | {"personIds": [person]})

    sentence = "cannot be given: a policy is for everybody in the organization, not for single people."
    assert admin.response.json()["message"] == f"personIds {sentence}"
    admin.get(f"/policies?personId={person}", 400)
    assert admin.response.json()["message"] == f"personId {sentence}"
    assert admin.get(f"/policies/{made['id']}")["action"] == "allow"


def test_what_is_no_integration_reads_as_nothing(world: World, admin: Caller, organization: Organization):
    """CONS-12: nobody's client id, a Service App's, even that of the own organization, and nonsense."""
    made = world.service_app(world.developer(organization))
    messages = set()

    for app_id in ("C" + "0" * 64, made.client_id, world.app_id(made), str(made.id), "nonsense"):
        admin.post("/policies", DENY_ALL | {"type": "custom", "appId": app_id}, 404)
        messages.add(admin.response.json()["message"])

    assert len(messages) == 1


def test_policies_of_another_organization_do_not_exist(
    world: World, admin: Caller, organization: Organization, app: App
):
    """TEN-01, CONS-11: by its default's id, a rule's, the bare id, in the query; and an app of ours under theirs."""
    theirs = world.organization()
    boss = world.full_admin(theirs)
    pair = connect(world, app, world.person(theirs))
    set_rule(world, boss, app, ALLOW)
    before = world.events(theirs)

    for policy in (default_of(world, theirs), rule_on(world, theirs, app), str(theirs.id)):
        admin.get(f"/policies/{policy}", 404)
        admin.put(f"/policies/{policy}", DENY_ALL, 404)
        admin.delete(f"/policies/{policy}", 404)
    for path in ("/policies", "/application/usage"):
        admin.get(f"{path}?orgId={world.organization_id(theirs)}", 404)
        assert app.name not in str(admin.get(f"{path}?orgId={world.organization_id(organization)}"))
        assert app.name not in str(admin.get(f"{path}?appId={app.client_id}"))

    assert is_alive(world, pair)
    assert [event.id for event in world.events(theirs)] == [event.id for event in before]


@pytest.mark.parametrize("key", ["{org}:", "{org}:nonsense", ":{app}", "{org}:{app}:1", "{app}", "nonsense"])
def test_ids_that_were_never_given_out_are_404(
    world: World, admin: Caller, organization: Organization, app: App, key: str
):
    admin.post("/policies", deny(app))

    admin.get(f"/policies/{world.public_id(Kind.POLICY, key.format(org=organization.id, app=app.id))}", 404)


@pytest.mark.parametrize("role", [*OF_EVERY_ORGANIZATION, None])
def test_who_looks_and_who_decides(
    world: World,
    calling: Calling,
    admin: Caller,
    organization: Organization,
    app: App,
    pair: TokenPair,
    role: Role | None,
):
    """CONS-06: as in Control Hub. Who may not decide does not learn what was decided."""
    policy = admin.post("/policies", allow(app))["id"]
    person = world.person(organization, *([role] if role else []))
    decides, reads = role == Role.FULL_ADMIN, role in READERS
    caller = calling(world.token(person))

    for path in ("/policies", f"/policies/{policy}", "/application/usage"):
        caller.get(path, 200 if reads else 403)
    caller.put(f"/policies/{uuid.uuid4()}", DENY_ALL, 404 if decides else 403)
    caller.post("/policies", DENY_ALL, 200 if decides else 403)
    assert is_alive(world, pair)
    caller.delete(f"/policies/{policy}", 204 if decides else 403)

    assert is_alive(world, pair) == (not decides)
    refused = world.events(organization, "access.refused")
    assert {one.actor_name for one in refused} == (set() if decides else {person.display_name})


def test_deciding_is_a_personal_act_and_looking_is_not(
    world: World, calling: Calling, organization: Organization, priya: Account, app: App
):
    """No app decides in an administrator's name, and no machine account at all."""
    powerful = integration(world, scopes=("spark:all", READ))
    for token in (
        connect(world, powerful, priya).access_token.reveal(),
        world.machine_token(organization, READ, "spark:all"),
    ):
        caller = calling(token)
        assert names(caller.get("/policies")["items"]) == ["Default"]
        caller.get("/application/usage")
        caller.post("/policies", deny(app), 403)
        caller.put(f"/policies/{organization.id}", DENY_ALL, 403)
    reader = calling(world.token(priya, READ))
    reader.get("/policies")
    reader.post("/policies", deny(app), 403)

    assert reader.response.json()["errors"] == [{"description": "Missing scope: spark:all."}]
    assert world.events(organization, "integration_policy.changed") == []


def test_policies_are_found_by_type_action_app_and_name(world: World, admin: Caller, priya: Account):
    desk, room = integration(world, name="desk booking"), integration(world, name="Room Finder")
    set_rule(world, priya, desk, BLOCK)
    set_rule(world, priya, room, ALLOW)

    expected = {
        "": ["Default", "desk booking", "Room Finder"],
        "?type=default": ["Default"],
        "?type=custom": ["desk booking", "Room Finder"],
        "?action=allow": ["Default", "Room Finder"],
        "?action=deny&type=custom": ["desk booking"],
        "?action=deny&type=default": [],
        f"?appId={room.client_id}": ["Room Finder"],
        f"?appId={uuid.uuid4()}": [],
        f"?appId={room.client_id}&action=deny": [],
        "?name=FIND": ["Room Finder"],
        "?name=def": ["Default"],
    }

    assert {query: names(admin.get(f"/policies{query}")["items"]) for query in expected} == expected
    admin.get("/policies?type=personal", 400)
    admin.get("/policies?action=block", 400)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 10])
def test_policies_are_paged_whole(world: World, admin: Caller, priya: Account, size: int):
    """The default counts on the first page; names that are alike come once each."""
    for name in ("Zebra", "apple", "Apple"):
        set_rule(world, priya, integration(world, name=name), BLOCK)

    found = admin.pages(f"/policies?max={size}")
    customs = admin.pages(f"/policies?max={size}&type=custom")

    assert [name.lower() for name in names(found)] == ["default", "apple", "apple", "zebra"]
    assert len({one["id"] for one in found}) == 4
    assert customs == found[1:]
    assert len(admin.get(f"/policies?max={size}")["items"]) == min(size, 4)
    admin.get("/policies?cursor=nonsense", 400)


def test_usage_tells_how_many_people_use_an_app_and_under_which_policy(
    world: World,
    admin: Caller,
    organization: Organization,
    priya: Account,
    lena: Account,
    clock: MovableClock,
):
    desk = integration(
        world,
        support_url="https://desk.example/help",
        privacy_url="https://desk.example/privacy",
    )
    room = integration(world, name="Room Finder")
    for person in (lena, priya):
        connect(world, desk, person)
    used_at = clock()
    set_rule(world, priya, room, BLOCK)

    first, second = admin.get("/application/usage")["items"]

    assert first == {
        "id": world.public_id(Kind.APPLICATION_USAGE, f"{organization.id}:{desk.id}"),
        "orgId": world.organization_id(organization),
        "policyId": default_of(world, organization),
        "policyAction": "allow",
        "appId": world.public_id(Kind.APPLICATION, desk.client_id),
        "appName": "Desk Booking",
        "appClientId": desk.client_id,
        "appPrivacyUrl": "https://desk.example/privacy",
        "appSupportUrl": "https://desk.example/help",
        "appContactEmail": desk.contact_email,
        "appUserAdoption": 2,
        "appCreated": format_time(desk.created_at),
        "lastUpdated": first["lastUpdated"],
    }
    assert first["lastUpdated"] <= format_time(used_at)
    assert (second["policyId"], second["policyAction"]) == (rule_on(world, organization, room), "deny")
    assert second["appUserAdoption"] == 0
    assert "lastUpdated" not in second
    assert admin.get(f"/application/usage?appId={room.client_id}")["items"] == [second]
    assert admin.get("/application/usage?appName=desk")["items"] == [first]
    assert admin.pages("/application/usage?max=1") == [first, second]


def test_usage_follows_the_default(world: World, admin: Caller, priya: Account, app: App, pair: TokenPair):
    set_policy(world, priya, BLOCK)

    (one,) = admin.get("/application/usage")["items"]

    assert (one["policyAction"], one["appUserAdoption"]) == ("deny", 0)


def test_lists_cost_the_same_for_2_and_for_20(world: World, admin: Caller, priya: Account, lena: Account):
    """TEN-05."""
    counts: dict[str, list[int]] = {"/policies?type=custom": [], "/application/usage": []}

    for more, size in ((2, 2), (18, 20)):
        for _ in range(more):
            app = integration(world)
            connect(world, app, lena)
            set_rule(world, priya, app, ALLOW)
        for path, seen in counts.items():
            seen.append(len(statements_of(world, admin, path, size)))

    assert counts["/policies?type=custom"][0] == counts["/policies?type=custom"][1] <= 7
    assert counts["/application/usage"][0] == counts["/application/usage"][1] <= 7
