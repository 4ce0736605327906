"""The number of SQL statements of a request does not grow with what it answers (checklist TEN-05)."""

from api.conftest import Caller, Calling
from appanage.directory.model import Organization
from appanage.directory.roles import Role
from support.refusals import counted_statements
from support.world import World


def statements_of(world: World, caller: Caller, path: str, items: int) -> list[str]:
    caller.get(path)  # keys and other things that are read once
    with counted_statements(world) as statements:
        assert len(caller.get(path)["items"]) == items
    return statements


def test_a_list_of_people_costs_the_same_for_3_and_for_60(
    world: World, calling: Calling, organization: Organization
):
    admin = calling(world.token(world.full_admin(organization)))
    for _ in range(2):
        world.person(organization, Role.USER_ADMIN)
    few = statements_of(world, admin, "/people", 3)
    for _ in range(57):
        world.person(organization, Role.USER_ADMIN)
    many = statements_of(world, admin, "/people", 60)

    assert len(many) == len(few) <= 8


def test_lists_of_apps_cost_the_same_for_2_and_for_20(
    world: World, calling: Calling, organization: Organization
):
    admin = world.full_admin(organization)
    caller, developer = calling(world.token(admin)), world.developer(organization)
    owner = calling(world.token(developer))
    filtered = "/applications?orderBy=name&orgSubmissionStatus=approved"
    counts: dict[str, list[int]] = {"/applications": [], filtered: [], "/serviceApps": []}

    for size in (2, 20):
        while len(owner.get("/applications")["items"]) < size:
            world.authorize(world.service_app(developer), admin)
        for path in ("/applications", filtered):
            counts[path].append(len(statements_of(world, owner, path, size)))
        counts["/serviceApps"].append(len(statements_of(world, caller, "/serviceApps", size)))

    assert counts["/applications"][0] == counts["/applications"][1] <= 8
    assert counts[filtered] == counts["/applications"]
    assert counts["/serviceApps"][0] == counts["/serviceApps"][1] <= 10


def test_the_audit_log_costs_the_same_for_a_few_and_for_many(
    world: World, calling: Calling, organization: Organization
):
    admin, developer = world.full_admin(organization), world.developer(organization)
    caller = calling(world.token(admin))
    for _ in range(10):
        world.service_app(developer)
    path = "/adminAudit/events?from=2020-01-01&to=2020-12-01".replace("2020", str(_this_year(world)))

    few = statements_of(world, caller, f"{path}&max=2", 2)
    many = statements_of(world, caller, f"{path}&max=20", 20)

    assert len(few) == len(many) <= 6


def test_a_machine_accounts_call_costs_a_fixed_number(
    world: World, calling: Calling, organization: Organization
):
    machine = calling(world.machine_token(organization))
    machine.get("/people/me")

    with counted_statements(world) as statements:
        machine.get("/people/me")

    assert len(statements) <= 6


def _this_year(world: World) -> int:
    return world.deployment.database.clock().year
