"""The kill switch, and the roles of those who run the platform, by API."""

import pytest

from api.conftest import Caller, Calling
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_THE_OPERATOR, Role
from appanage.kit.ids import Kind
from support.suspending import REASON
from support.world import World


@pytest.fixture
def olga(world: World) -> Account:
    return world.operators(Role.OPERATOR)


@pytest.fixture
def operator(world: World, calling: Calling, olga: Account) -> Caller:
    """The operator, with a token for everything."""
    return calling(world.token(olga))


def test_an_app_is_suspended_shown_as_such_and_lifted(
    world: World, operator: Caller, olga: Account, developer: Caller, admin: Caller, account: Account
):
    """MACH-06, AUD-01: any organization's app, by any form of its id."""
    made = world.service_app(account, name=f"Workforce Sync of {account.id}")
    app_id = world.app_id(made)
    developer.get(f"/applications/{app_id}")
    address = f"/applications/{app_id}/suspension"

    assert operator.get(address, 404)["message"] == f"{made.app.name} is not suspended."
    assert "reason: Say why" in str(operator.post(address, {}, 400)["errors"])
    suspended = operator.post(address, {"reason": f" {REASON}\n"})
    repeated = operator.post(address, {"reason": "Once more."}, 409)

    assert suspended == operator.get(f"/applications/{made.client_id}/suspension")
    assert suspended["applicationId"] == app_id
    assert (suspended["suspendedBy"], suspended["organizations"]) == (olga.display_name, 0)
    assert "was suspended by" in repeated["message"]
    shown = {"since": suspended["since"], "reason": REASON}
    assert developer.get(f"/applications/{app_id}")["suspended"] == shown
    assert admin.get(f"/serviceApps/{app_id}")["suspended"] == shown
    found = operator.get(f"/operations/applications?search={made.client_id}&suspended=true")["items"]
    assert [(one["id"], one["orgName"], one["suspended"]) for one in found] == [
        (app_id, account.organization.name, shown)
    ]

    operator.delete(f"/applications/{made.id}/suspension")

    assert (
        operator.delete(address, 409)["message"] == f"{made.app.name} is not suspended. Nothing was changed."
    )
    assert "suspended" not in developer.get(f"/applications/{app_id}")
    assert "suspended" not in admin.get(f"/serviceApps/{app_id}")
    assert operator.get(f"/operations/applications?search={made.client_id}&suspended=true")["items"] == []
    types = [event.type for event in world.events(account.organization) if "suspen" in event.type]
    assert types == ["app.suspended", "app.suspension_lifted"]


def test_for_everybody_else_there_is_no_such_thing(
    world: World, calling: Calling, operator: Caller, developer: Caller, admin: Caller, account: Account
):
    """CONS-12, CONS-06: whether or not the app exists, is theirs, or is suspended."""
    made = world.service_app(account)
    reviewer = calling(world.token(world.operators(Role.APP_REVIEWER, Role.FULL_ADMIN)))
    operator.post(f"/applications/{made.id}/suspension", {"reason": REASON})
    refused = set()
    for caller in (developer, admin, reviewer):
        for app_id in (made.id, account.id):
            address = f"/applications/{app_id}/suspension"
            refused |= {
                caller.post(address, {"reason": REASON}, 404)["message"],
                caller.post(address, {}, 404)["message"],
                caller.get(address, 404)["message"],
                caller.send("DELETE", address, 404)["message"],
                caller.get("/operations/applications", 404)["message"],
            }

    assert refused == {"There is no app with this id, or it is not yours to see."}


def test_every_app_is_found_by_name_organization_and_id(world: World, operator: Caller):
    home = world.organization(f"Fabrikam {world.organization().id}")
    made = [world.integration(world.developer(home), name=f"{name} at {home.id}") for name in ("Ada", "Bea")]
    bot = world.bot(world.developer(home), name=f"Duty at {home.id}")

    def found(search: str) -> list[str]:
        return [one["name"] for one in operator.pages(f"/operations/applications?max=2&search={search}")]

    names = [bot.app.name, made[1].app.name, made[0].app.name]  # the newest first
    assert found(home.name) == names
    assert found(f"at {home.id}") == names
    assert found(str(home.id)) == names
    assert found(f"bea at {home.id}") == names[1:2]
    assert found(str(made[0].id)) == found(made[0].client_id) == names[2:]
    assert found("no such app") == []


def test_the_operators_roles_exist_only_there(
    world: World, calling: Calling, organization: Organization, admin: Caller, lena: Account, olga: Account
):
    """CONS-06: elsewhere they are neither listed, nor found, nor given."""
    boss, colleague = world.full_admin(olga.organization), world.person(olga.organization)
    labels = {role.label for role in OF_THE_OPERATOR}
    ours = calling(world.token(boss))

    assert not labels & {one["name"] for one in admin.get("/roles")["items"]}
    assert labels < {one["name"] for one in ours.get("/roles")["items"]}
    for role in OF_THE_OPERATOR:
        role_id = world.public_id(Kind.ROLE, role.value)
        change = {"emails": [lena.email], "displayName": lena.display_name, "roles": [role_id]}
        admin.get(f"/roles/{role_id}", 404)
        assert "A role is not known" in str(admin.put(f"/people/{lena.id}", change, 400)["errors"])
        change = {"emails": [colleague.email], "displayName": "Elin Berg", "roles": [role_id]}
        assert ours.put(f"/people/{colleague.id}", change)["roles"] == [role_id]
