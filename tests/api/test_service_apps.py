"""The Service Apps that an administrator may decide on."""

from api.conftest import Caller, Calling
from appanage.directory.model import Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, SERVICE_APP_READERS
from support.world import World


def test_an_app_shows_what_it_wants_in_plain_words_the_riskiest_first(
    world: World, organization: Organization, admin: Caller
):
    """CONS-01."""
    reasons = {"spark-admin:people_write": "New hires get an account on their first day."}
    made = world.service_app(
        world.developer(organization),
        scopes=["spark-admin:organizations_read", "spark-admin:people_read", "spark-admin:people_write"],
        scope_reasons=reasons,
        name="Workforce Sync",
    )

    [listed] = admin.get("/serviceApps")["items"]
    shown = admin.get(f"/serviceApps/{listed['id']}")

    assert listed == shown
    assert (shown["id"], shown["name"]) == (world.app_id(made), "Workforce Sync")
    assert (shown["state"], shown["needsDecision"]) == ("requested", True)
    assert shown["orgName"] == "Northwind Traders"
    assert shown["request"]["requestedByName"] == made.developer.display_name
    assert "authorization" not in shown
    assert [(one["name"], one["risk"]) for one in shown["scopes"]] == [
        ("spark-admin:people_write", "high"),
        ("spark-admin:people_read", "medium"),
        ("spark-admin:organizations_read", "low"),
    ]
    assert shown["scopes"][0]["reason"] == reasons["spark-admin:people_write"]
    assert shown["scopes"][0]["title"]
    assert shown["scopes"][0]["consequence"]


def test_apps_are_found_by_state_name_and_need(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    full_admin = world.full_admin(organization)
    developer = world.developer(organization)
    waiting = world.service_app(developer, name="Waiting")
    authorized = world.service_app(developer, name="Authorized")
    world.authorize(authorized, full_admin)
    ended = world.service_app(developer, name="Ended")
    world.authorize(ended, full_admin)
    world.deauthorize(ended, full_admin)

    def names(query: str) -> list[str]:
        return [one["name"] for one in admin.pages(f"/serviceApps{query}")]

    assert names("") == names("?max=1") == ["Authorized", "Ended", "Waiting"]
    assert names("?state=requested") == names("?needsDecision=True") == ["Waiting"]
    assert names("?state=authorized") == ["Authorized"]
    assert names("?state=deauthorized") == ["Ended"]
    assert names("?name=WAIT") == [waiting.app.name]
    assert "state" in admin.get("/serviceApps?state=odd", 400)["message"]


def test_what_an_app_asks_for_anew_is_shown_as_not_approved(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """CONS-03."""
    made = world.service_app(world.developer(organization), scopes=["spark-admin:people_read"])
    admin.post(f"/applications/{made.client_id}/authorize", {})
    wanted = ["spark-admin:people_read", "spark-admin:people_write"]
    calling(world.token(made.developer)).patch(f"/applications/{made.client_id}", {"scopes": wanted})

    shown = admin.get(f"/serviceApps/{made.client_id}")

    assert (shown["state"], shown["needsDecision"]) == ("authorized", True)
    assert {one["name"]: one["isApproved"] for one in shown["scopes"]} == {
        "spark-admin:people_read": True,
        "spark-admin:people_write": False,
    }
    assert shown["authorization"]["addedScopes"] == ["spark-admin:people_write"]


def test_private_apps_and_other_organizations_apps_are_not_there(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """CONS-12: absent from list, search and detail."""
    private = world.service_app(world.developer(organization), requested=False, name="Hidden")
    foreign = world.service_app(world.developer(world.organization()), name="Hidden")

    assert admin.get("/serviceApps?name=hidden")["items"] == []
    messages = {
        admin.get(f"/serviceApps/{one}", 404)["message"]
        for one in (private.client_id, foreign.client_id, world.app_id(foreign), str(foreign.id), "nonsense")
    }
    assert len(messages) == 1


def test_the_roles_that_see_them_in_control_hub_see_them_here_and_no_other(
    world: World, calling: Calling, organization: Organization
):
    for role in OF_EVERY_ORGANIZATION:
        status = 200 if role in SERVICE_APP_READERS else 403
        calling(world.token(world.person(organization, role))).get("/serviceApps", status)
    calling(world.token(world.person(organization))).get("/serviceApps", 403)
