"""The admin audit log: what it shows, to whom, and how it is narrowed and paged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.conftest import Caller, Calling
from api.contract import check_answer
from appanage.directory.model import Organization
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support.world import World


def window(**more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"from": iso(now - timedelta(hours=1)), "to": iso(now + timedelta(hours=1))} | more


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_an_event_tells_who_did_what_to_which_and_when(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """AUD-03, CONS-10: authorizing a Service App through the API is in the log with names and ids of that time."""
    made = world.service_app(world.developer(organization), name="Workforce Sync")
    admin.post(f"/applications/{made.client_id}/authorize", {}, headers={"User-Agent": "audit test"})
    me = admin.get("/people/me")

    listed = admin.get("/adminAudit/events", params=window(eventCategories="applications"))

    check_answer("GET /adminAudit/events", listed)
    event = listed["items"][0]
    data = event["data"]
    assert event["actorId"] == me["id"]
    assert event["actorOrgId"] == world.organization_id(organization)
    assert data["eventCategory"] == "APPLICATIONS"
    assert data["actionText"] == "Priya Raman authorized Workforce Sync for Northwind Traders."
    assert (data["actorName"], data["actorEmail"]) == ("Priya Raman", me["emails"][0])
    assert data["actorOrgName"] == data["targetOrgName"] == "Northwind Traders"
    assert data["adminRoles"] == ["User", "id_full_admin"]
    assert (data["targetType"], data["targetName"]) == ("APPLICATION", "Workforce Sync")
    assert data["targetId"] == world.app_id(made)
    assert data["actorUserAgent"] == "audit test"
    assert (data["errorMessage"], data["errorCode"]) == ("", "")
    assert data["details"]["scopes"] == sorted(made.app.scopes)


def test_a_refusal_carries_an_error(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """CONS-06: a decision that was refused for want of a role is in the log."""
    made = world.service_app(world.developer(organization))
    helper = calling(world.token(world.person(organization, Role.USER_ADMIN)))
    helper.post(f"/applications/{made.client_id}/authorize", {}, 403)

    event = admin.get("/adminAudit/events", params=window(eventCategories="APPLICATIONS"))["items"][0]

    assert event["data"]["errorCode"] == "authorization.refused"
    assert event["data"]["errorMessage"]
    assert event["data"]["details"]["missingRoles"] == ["Full Administrator"]


def test_events_are_narrowed_by_actor_category_and_time(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    helper = world.person(organization, Role.USER_ADMIN)
    calling(world.token(helper)).delete(f"/people/{world.person(organization).id}")

    def types(**more: Any) -> list[str]:
        found = admin.get("/adminAudit/events", params=window(**more))["items"]
        return [one["data"]["eventDescription"] for one in found]

    assert types(actorId=world.public_id(Kind.PEOPLE, helper.id)) == ["An account was deleted"]
    assert types(actorId=str(helper.id), eventCategories="Users, LOGINS") == ["An account was deleted"]
    assert types(actorId=str(helper.id), eventCategories="LOGINS") == []
    assert types(eventCategories="DEVICES") == []
    long_ago = {"from": "2001-01-01", "to": "2001-06-01T12:00:00+02:00"}
    assert admin.get("/adminAudit/events", params=long_ago)["items"] == []


def test_events_are_paged_by_offset(world: World, organization: Organization, admin: Caller):
    for _ in range(6):
        world.person(organization)
    query = "&".join(f"{name}={value}" for name, value in window(max=2).items())

    first = admin.get(f"/adminAudit/events?{query}")["items"]
    following = admin.response.links["next"]["url"]
    everything = admin.pages(f"/adminAudit/events?{query}")

    assert len(first) == 2
    assert "offset=2" in following
    assert following.startswith("http://localhost:8080/v1/adminAudit/events?")
    assert len(everything) == len({one["id"] for one in everything}) == len(world.events(organization))
    assert [one["created"] for one in everything] == sorted(
        (one["created"] for one in everything), reverse=True
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"from": None}, "from is required"),
        ({"to": None}, "to is required"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2020-01-01T00:00:00Z"}, "year"),
        ({"to": "2020-01-01T00:00:00Z"}, "to"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"max": 0}, "max"),
        ({"max": "null"}, "max"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
        ({"actorId": "nobody"}, "actorId"),
    ],
)
def test_what_is_wrong_is_named(admin: Caller, change: dict[str, Any], named: str):
    query = {name: value for name, value in window(**change).items() if value is not None}

    refused = admin.get("/adminAudit/events", 400, params=query)

    assert named in refused["errors"][0]["description"]


def test_a_size_above_the_cap_is_lowered_silently(admin: Caller):
    admin.get("/adminAudit/events", params=window(max=1_000_000))


def test_only_a_full_administrator_and_a_machine_with_the_scope_may_look(
    world: World, calling: Calling, organization: Organization
):
    for role in (Role.READONLY_ADMIN, Role.USER_ADMIN, Role.COMPLIANCE_OFFICER):
        person = calling(world.token(world.person(organization, role)))
        person.get("/adminAudit/events", 403, params=window())
    machine = calling(world.machine_token(organization, "audit:events_read"))

    assert machine.get("/adminAudit/events", params=window())["items"]
    assert "APPLICATIONS" in machine.get("/adminAudit/eventCategories")["eventCategories"]


def test_an_organization_sees_its_own_log_only(world: World, organization: Organization, admin: Caller):
    """TEN-01."""
    other = world.organization("Contoso Health")
    world.person(other, name="Somebody Else")

    own = admin.get("/adminAudit/events", params=window(orgId=world.organization_id(organization)))
    admin.get("/adminAudit/events", 404, params=window(orgId=world.organization_id(other)))

    assert "Somebody Else" not in str(own)


def test_the_categories_are_listed(admin: Caller):
    check_answer("GET /adminAudit/eventCategories", admin.get("/adminAudit/eventCategories"))
