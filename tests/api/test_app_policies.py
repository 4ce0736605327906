"""The policy on Service Apps over the API: read, settled in one act, and what would happen under it."""

from datetime import timedelta
from typing import Any

import pytest

from api.conftest import Caller, Calling
from appanage.api.schemas import format_time
from appanage.authorizations.model import AppRuleMode
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from support.clock import MovableClock
from support.policing import set_app_policy, set_app_rule, terms_of
from support.refusals import counted_statements
from support.world import MadeApp, World

READ, WRITE = "spark-admin:organizations_read", "spark-admin:organizations_write"
READERS = {Role.FULL_ADMIN, Role.READONLY_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN}
UNSETTLED = {
    "requesters": "everybody",
    "authorizesLowRisk": False,
    "secondAdministrator": "never",
    "onlyAllowed": False,
    "allowed": [],
    "blocked": [],
    "version": 0,
}


@pytest.fixture
def path(world: World, organization: Organization) -> str:
    return f"/organizations/{world.organization_id(organization)}/appPolicy"


@pytest.fixture
def made(world: World, organization: Organization) -> MadeApp:
    """A Service App that waits for the administrators."""
    return world.service_app(world.developer(organization), name="Workforce Sync")


@pytest.fixture
def listed(world: World) -> MadeApp:
    """One of the App Hub, with a low-risk scope."""
    developer = world.developer(world.organization())
    found = world.service_app(developer, scopes=["spark:people_read"], name="Directory")
    world.list_app(found)
    return found


def test_the_policy_is_read_settled_and_read_again(
    world: World, admin: Caller, path: str, organization: Organization, made: MadeApp, listed: MadeApp
):
    """What is read can be written back; the answer tells what a block ended."""
    org_id = world.organization_id(organization)
    assert admin.get(path) == UNSETTLED | {"orgId": org_id}
    assert admin.get(f"/organizations/{organization.id}/appPolicy") == UNSETTLED | {"orgId": org_id}
    wanted = UNSETTLED | {
        "requesters": "administrators",
        "authorizesLowRisk": True,
        "secondAdministrator": "high_risk",
        "onlyAllowed": True,
        "longestDays": 90,
        "allowed": [str(listed.id)],
        "blocked": [made.client_id],
    }

    settled = admin.put(path, wanted)

    assert settled.pop("ended") == {"authorizations": 0, "requests": 1, "proposals": 0}
    assert settled == wanted | {
        "orgId": org_id,
        "allowed": [world.app_id(listed)],
        "blocked": [world.app_id(made)],
        "version": 3,
        "lastModified": settled["lastModified"],
        "lastModifiedBy": "Priya Raman",
    }
    assert admin.get(path) == settled
    again = admin.put(path, settled)
    assert again == settled | {"ended": {"authorizations": 0, "requests": 0, "proposals": 0}}
    (changed,) = world.events(organization, "app_policy.changed")
    assert changed.data["secondAdministrator"] == {"before": "never", "after": "high_risk"}
    assert len(world.events(organization, "app_rule.set")) == 2
    freed = admin.put(path, settled | {"allowed": [], "blocked": [], "longestDays": None})
    assert (freed["allowed"], freed["blocked"]) == ([], [])
    assert "longestDays" not in freed
    assert len(world.events(organization, "app_rule.removed")) == 2


def test_who_read_an_older_version_is_told(
    world: World, admin: Caller, path: str, organization: Organization, priya: Account, made: MadeApp
):
    read = admin.get(path)
    set_app_policy(world, priya, longest_days=30)

    admin.put(path, read | {"onlyAllowed": True}, 409)

    assert admin.response.json()["message"].startswith("Somebody else changed the app policy meanwhile.")
    read = admin.get(path)
    set_app_rule(world, priya, made, AppRuleMode.ALLOW)
    admin.put(path, read | {"blocked": [made.client_id]}, 409)
    assert admin.get(path)["allowed"] == [world.app_id(made)]
    assert terms_of(world, organization).version == 2


def test_what_cannot_be_meant_is_refused_by_name(
    world: World, admin: Caller, path: str, organization: Organization, made: MadeApp
):
    """400 with the field; what is left out is asked for, since it would name apps no more."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"requesters": "some"}, "requesters"),
        ({"secondAdministrator": None}, "secondAdministrator"),
        ({"longestDays": 0}, "longestDays"),
        ({"longestDays": 3651}, "longestDays"),
        ({"onlyAllowed": "maybe"}, "onlyAllowed"),
        ({"allowed": [made.client_id], "blocked": [str(made.id)]}, "cannot be both allowed and blocked"),
        ({"allowed": [""]}, "allowed"),
        ({"version": "new"}, "version"),
    ]

    for change, word in wrong:
        admin.put(path, UNSETTLED | change, 400)
        assert word in admin.response.json()["errors"][0]["description"]
    for name in UNSETTLED:
        admin.put(path, {key: value for key, value in UNSETTLED.items() if key != name}, 400)
        assert admin.response.json()["errors"][0]["description"] == f"{name} is required."
    assert terms_of(world, organization).version == 0


def test_apps_that_the_organization_cannot_see_do_not_exist(
    world: World, admin: Caller, path: str, organization: Organization
):
    """CONS-12: a private app of others, one that another organization decides on, an Integration, nobody's id."""
    abroad = world.developer(world.organization())
    hidden = [
        world.service_app(abroad, requested=False),
        world.service_app(abroad),
        world.integration(abroad),
    ]
    ids = [one.client_id for one in hidden] + [str(one.id) for one in hidden] + [world.app_id(hidden[0])]
    answers = set()

    for app_id in [*ids, "C" + "0" * 64, "nonsense"]:
        for field in ("allowed", "blocked"):
            admin.put(path, UNSETTLED | {field: [app_id]}, 404)
            answers.add(admin.response.json()["message"])
        admin.post(f"{path}/preview", {"applicationId": app_id}, 404)
        answers.add(admin.response.json()["message"])

    assert len(answers) == 1
    assert admin.get(path)["version"] == 0


def test_a_preview_names_the_outcome_and_the_rule_that_makes_it(
    world: World,
    admin: Caller,
    path: str,
    organization: Organization,
    priya: Account,
    made: MadeApp,
    listed: MadeApp,
    clock: MovableClock,
):
    """Under the policy that holds, and under another one; nothing is changed."""
    preview = f"{path}/preview"
    set_app_policy(world, priya, longest_days=30)
    before = len(world.events(organization))
    draft = {key: value for key, value in UNSETTLED.items() if key not in {"allowed", "blocked", "version"}}

    early = format_time(clock() + timedelta(days=30))
    now = admin.post(preview, {"applicationId": world.app_id(listed)})
    late = format_time(clock() + timedelta(days=30))
    then = admin.post(
        preview, {"applicationId": str(listed.id), "policy": draft | {"authorizesLowRisk": True}}
    )
    own = admin.post(
        preview, {"applicationId": made.client_id, "policy": draft | {"secondAdministrator": "high_risk"}}
    )
    refused = admin.post(
        preview, {"applicationId": made.client_id, "policy": draft | {"onlyAllowed": True, "longestDays": 1}}
    )

    assert now == {
        "applicationId": world.app_id(listed),
        "askers": "everybody",
        "outcome": "one_administrator",
        "rule": "one_is_enough",
        "sentence": "One administrator decides; no rule says otherwise.",
        "endsAt": now["endsAt"],
    }
    assert early <= now["endsAt"] <= late
    assert (then["askers"], then["outcome"], then["rule"]) == ("everybody", "authorized", "low_risk")
    assert "endsAt" not in then
    assert (own["askers"], own["outcome"], own["rule"]) == ("developers", "two_administrators", "high_risk")
    assert (refused["askers"], refused["outcome"], refused["rule"]) == (
        "nobody",
        "refused",
        "not_allowed_by_name",
    )
    assert "endsAt" not in refused
    assert len(world.events(organization)) == before


@pytest.mark.parametrize("role", [Role.READONLY_ADMIN, Role.USER_ADMIN, Role.COMPLIANCE_OFFICER])
def test_readers_look_and_only_full_administrators_settle(
    world: World, calling: Calling, path: str, organization: Organization, made: MadeApp, role: Role
):
    """CONS-06: nobody else's token carries the scope either."""
    caller = calling(world.token(world.person(organization, role)))
    status = 200 if role in READERS else 403

    caller.get(path, status)
    caller.post(f"{path}/preview", {"applicationId": made.client_id}, status)
    caller.put(path, UNSETTLED | {"onlyAllowed": True}, 403)

    assert terms_of(world, organization).version == 0


def test_settling_is_a_persons_own_act(world: World, calling: Calling, path: str, organization: Organization):
    """No Service App writes the rules for Service Apps, whatever scopes it was given."""
    machine = calling(world.machine_token(organization, READ, WRITE))

    machine.get(path)
    machine.put(path, UNSETTLED | {"onlyAllowed": True}, 403)

    assert terms_of(world, organization).version == 0


def test_another_organizations_policy_does_not_exist(
    world: World, admin: Caller, organization: Organization, made: MadeApp
):
    """CONS-11: the id in the path agrees with the token, or there is nothing."""
    other = world.organization()
    theirs = f"/organizations/{world.organization_id(other)}/appPolicy"

    admin.get(theirs, 404)
    admin.put(theirs, UNSETTLED | {"onlyAllowed": True}, 404)
    admin.post(f"{theirs}/preview", {"applicationId": made.client_id}, 404)

    assert terms_of(world, other).version == 0


def test_reading_and_writing_cost_the_same_for_few_and_for_many_names(
    world: World, admin: Caller, path: str, organization: Organization, made: MadeApp
):
    """TEN-05: nothing is looked up one by one; what is written is."""
    costs = []

    for size in (1, 4):
        apps = [world.service_app(made.developer) for _ in range(size)]
        admin.put(path, admin.get(path) | {"allowed": [one.client_id for one in apps]})
        settled = admin.get(path)
        with counted_statements(world) as statements:
            admin.get(path)
            admin.put(path, settled)
        costs.append(len(statements))

    assert costs[0] == costs[1]
