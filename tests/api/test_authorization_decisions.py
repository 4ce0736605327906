"""Deciding by API: fewer scopes, an end, declining what was added, two administrators."""

from datetime import UTC, datetime, timedelta

import pytest

from api.conftest import Caller, Calling
from appanage.authorizations.model import SecondAdministrator
from appanage.directory.model import Account, Organization
from support.deciding import LICENSES, READ, WRITE
from support.policing import set_app_policy
from support.world import World


@pytest.fixture
def priya(world: World, organization: Organization) -> Account:
    return world.full_admin(organization, name="Priya Raman")


def test_an_app_is_authorized_with_fewer_scopes_until_an_end_and_decided_on_again(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """CONS-03, CONS-05, CONS-09."""
    developer = calling(world.token(world.developer(organization)))
    about = {
        "type": "serviceApp",
        "name": "Workforce Sync",
        "description": "Syncs.",
        "contactEmail": "a@b.example",
    }
    app = developer.post("/applications", about | {"scopes": [READ, WRITE], "optionalScopes": [WRITE]})
    path = f"/applications/{app['id']}"
    developer.post(f"{path}/authorizationRequests", {})
    end = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)

    shown = admin.get(f"/serviceApps/{app['id']}")
    refused = admin.post(f"{path}/authorize", {"scopes": [WRITE]}, 400)
    made = admin.post(f"{path}/authorize", {"scopes": [READ], "endsAt": end.isoformat(), "version": 1})

    assert app["optionalScopes"] == [WRITE]
    assert {one["name"]: one["isOptional"] for one in shown["scopes"]} == {READ: False, WRITE: True}
    assert (shown["requests"], shown["isReviewed"]) == (1, False)
    assert READ in refused["message"]
    assert (made["scopes"], made["declinedScopes"], made["version"]) == ([READ], [WRITE], 1)
    assert datetime.fromisoformat(made["ends"]) == end
    assert admin.post(f"{path}/authorize") == made
    assert "ends" not in admin.post(f"{path}/authorize", {"endsAt": None})
    past = {"endsAt": "2020-01-01T00:00:00Z"}
    assert "endsAt" in admin.post(f"{path}/authorize", past, 400)["errors"][0]["description"]

    developer.patch(path, {"scopes": [READ, WRITE, LICENSES], "reasons": {LICENSES: "To count them."}})
    assert admin.get(f"/serviceApps/{app['id']}")["authorization"]["addedScopes"] == [LICENSES]
    admin.post(f"{path}/declineChanges", {"version": 1}, 409)
    declined = admin.post(f"{path}/declineChanges", {"version": 2, "reason": "We count ourselves."})

    assert (declined["addedScopes"], declined["declinedScopes"]) == ([], [LICENSES, WRITE])
    after = admin.get(f"/serviceApps/{app['id']}")
    assert (after["state"], after["needsDecision"]) == ("authorized", False)
    assert {one["name"] for one in after["scopes"] if one["isDeclined"]} == {LICENSES, WRITE}
    (seen,) = developer.get(f"{path}/authorizations")["items"]
    assert seen["declinedScopes"] == [LICENSES, WRITE]
    assert "authorizedByName" not in seen


def test_two_administrators_decide_by_api(
    world: World, calling: Calling, organization: Organization, priya: Account
):
    """CONS-07."""
    set_app_policy(world, priya, second_administrator=SecondAdministrator.ALWAYS)
    omar = world.full_admin(organization, name="Omar Haddad")
    first, second = calling(world.token(priya)), calling(world.token(omar))
    made = [world.service_app(world.developer(organization), scopes=[READ]) for _ in range(2)]

    proposed = first.post(f"/applications/{made[0].client_id}/authorize", {"note": "Ticket 4711"}, 202)

    assert (proposed["state"], proposed["scopes"], proposed["rule"]) == ("waiting", [READ], "always_two")
    assert proposed["proposedByName"] == "Priya Raman"
    assert proposed["created"] < proposed["expires"]
    shown = second.get(f"/serviceApps/{made[0].client_id}")
    assert (shown["state"], shown["needsDecision"], shown["proposal"]) == ("proposed", True, proposed)
    assert second.get("/authorizationProposals?state=waiting")["items"] == [proposed]
    decision = f"/authorizationProposals/{proposed['id']}/decision"
    own = first.post(decision, {"decision": "confirm"}, 403)
    assert "yourself" in own["message"]
    second.post(decision, {"decision": "withdraw"}, 409)
    second.post(decision, {"decision": "perhaps"}, 400)

    granted = second.post(decision, {"decision": "confirm"})

    assert (granted["status"], granted["authorizedByName"]) == ("authorized", "Priya Raman and Omar Haddad")
    assert second.post(decision, {"decision": "confirm"}) == granted
    assert second.get("/authorizationProposals?state=waiting")["items"] == []
    (kept,) = first.get("/authorizationProposals")["items"]
    assert (kept["state"], kept["decidedByName"]) == ("confirmed", "Omar Haddad")

    another = first.post(f"/applications/{made[1].client_id}/authorize", {}, 202)
    second.post(f"/applications/{made[1].client_id}/authorize", {}, 409)
    decision = f"/authorizationProposals/{another['id']}/decision"
    ended = second.post(decision, {"decision": "decline", "reason": "Not before May."})

    assert (ended["state"], ended["reason"]) == ("declined", "Not before May.")
    strangers = calling(world.token(world.full_admin(world.organization())))
    unknown = {
        strangers.post(f"/authorizationProposals/{one}/decision", {"decision": "confirm"}, 404)["message"]
        for one in (another["id"], str(omar.id), "nonsense")
    }
    assert len(unknown) == 1
    assert strangers.get("/authorizationProposals")["items"] == []
    calling(world.token(world.person(organization))).get("/authorizationProposals", 403)


def test_what_the_policy_says_now_counts(
    world: World, organization: Organization, admin: Caller, priya: Account
):
    made = world.service_app(world.developer(organization), scopes=[READ])
    set_app_policy(world, priya, only_allowed=True)

    stale = admin.post(f"/applications/{made.client_id}/authorize", {"policyVersion": 0}, 409)
    refused = admin.post(f"/applications/{made.client_id}/authorize", {"policyVersion": 1}, 409)

    [asked] = admin.get("/authorizationRequests?state=waiting")["items"]
    decision = {"decision": "authorize", "policyVersion": 0}
    assert admin.post(f"/authorizationRequests/{asked['id']}/decision", decision, 409) == stale | {
        "trackingId": admin.response.json()["trackingId"]
    }
    assert "policy of your organization on apps was changed" in stale["message"]
    assert refused["errors"][0]["description"] == "Rule: not_allowed_by_name."


def test_an_app_of_the_app_hub_is_decided_on_without_a_request(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """It is in no list before: only who has its address finds it; a private one is not there at all (CONS-12)."""
    foreign = world.organization()
    listed = world.service_app(world.developer(foreign), scopes=[READ])
    private = world.service_app(world.developer(foreign), scopes=[READ])
    world.list_app(listed)
    person = calling(world.token(world.person(organization)))

    shown = admin.get(f"/serviceApps/{listed.client_id}")

    assert (shown["state"], shown["needsDecision"], shown["isReviewed"]) == ("none", False, True)
    assert admin.get("/serviceApps")["items"] == []
    messages = {
        admin.post(f"/applications/{one}/authorize", {}, 404)["message"]
        for one in (private.client_id, world.app_id(private), str(foreign.id))
    }
    assert len(messages) == 1
    person.post(f"/applications/{listed.client_id}/authorize", {}, 404)

    assert admin.post(f"/applications/{listed.client_id}/authorize", {})["status"] == "authorized"
    assert [one["id"] for one in admin.get("/serviceApps")["items"]] == [world.app_id(listed)]
