"""Organizations, roles and licenses."""

import pytest

from api.conftest import Caller, Calling
from api.contract import check_answer
from appanage.directory import service as directory
from appanage.directory.model import License, Organization
from appanage.directory.roles import Role
from appanage.kit.ids import Kind
from support.world import NARRATOR, World


def test_everybody_sees_the_own_organization_and_no_other(
    world: World, calling: Calling, organization: Organization, admin: Caller
):
    """TEN-01."""
    somebody = calling(world.token(world.person(organization)))
    own, foreign = world.organization_id(organization), world.organization_id(world.organization())

    for caller in (admin, somebody):
        listed = caller.get("/organizations")
        check_answer("GET /organizations", listed)
        assert [(one["id"], one["displayName"]) for one in listed["items"]] == [(own, "Northwind Traders")]
        assert caller.get(f"/organizations/{own}") == listed["items"][0]
        assert caller.get(f"/organizations/{organization.id}") == listed["items"][0]
        caller.get(f"/organizations/{foreign}", 404)
        caller.get("/organizations/nonsense", 404)


def test_roles_have_the_platforms_names(world: World, admin: Caller):
    listed = admin.get("/roles")

    check_answer("GET /roles", listed)
    assert {"Full Administrator", "Compliance Officer"} <= {one["name"] for one in listed["items"]}
    for role in listed["items"]:
        assert admin.get(f"/roles/{role['id']}") == role
    assert admin.get("/roles/id_full_admin")["id"] == world.public_id(Kind.ROLE, "id_full_admin")
    admin.get("/roles/id_emperor", 404)


def test_licenses_tell_how_many_people_have_them(world: World, organization: Organization, admin: Caller):
    license_ = make_license(world, organization)
    give(world, organization, license_, people=3)

    listed = admin.get("/licenses")

    check_answer("GET /licenses", listed)
    assert listed["items"] == [
        {
            "id": world.public_id(Kind.LICENSE, license_.public_key),
            "name": "Advanced Messaging",
            "totalUnits": 50,
            "consumedUnits": 3,
            "consumedByUsers": 3,
            "consumedByWorkspaces": 0,
        }
    ]
    assert admin.get(f"/licenses/{listed['items'][0]['id']}") == listed["items"][0]
    assert admin.get(f"/licenses/{license_.id}?orgId=ignored") == listed["items"][0]


def test_the_people_who_have_a_license_are_listed_a_page_at_a_time(
    world: World, organization: Organization, admin: Caller
):
    license_ = make_license(world, organization)
    give(world, organization, license_, people=5)
    pages = []

    following: str | None = f"/licenses/{license_.id}?includeAssignedTo=user&limit=2"
    while following:
        pages.append(admin.get(following))
        following = admin.response.links.get("next", {}).get("url")

    for page in pages:
        check_answer("GET /licenses/{licenseId}", page)
    assert [len(page["users"]) for page in pages] == [2, 2, 1]
    assert len({user["id"] for page in pages for user in page["users"]}) == 5
    assert {user["type"] for page in pages for user in page["users"]} == {"INTERNAL"}


def test_another_organizations_license_does_not_exist(world: World, admin: Caller):
    """TEN-01."""
    foreign = make_license(world, world.organization())

    admin.get(f"/licenses/{world.public_id(Kind.LICENSE, foreign.public_key)}", 404)
    admin.get(f"/licenses/{foreign.id}", 404)
    admin.get("/licenses/nonsense", 404)
    admin.get(f"/licenses?orgId={foreign.organization_id}", 404)


@pytest.mark.parametrize("path", ["/roles", "/licenses"])
def test_administrators_of_every_kind_may_look(
    world: World, calling: Calling, organization: Organization, path: str
):
    for role in (Role.READONLY_ADMIN, Role.USER_ADMIN, Role.DEVICE_ADMIN, Role.SUPPORT_ADMIN):
        calling(world.token(world.person(organization, role))).get(path)
    calling(world.token(world.person(organization))).get(path, 403)


def make_license(world: World, organization: Organization) -> License:
    with world.deployment.transaction(world.origin) as tx:
        return directory.create_license(tx, organization, code="MS", name="Advanced Messaging", units=50)


def give(world: World, organization: Organization, license_: License, *, people: int) -> None:
    with world.deployment.transaction(world.origin) as tx:
        for number in range(people):
            profile = directory.Profile(f"holder{number}@{license_.id}.example", display_name=f"H {number}")
            directory.create_person(
                tx, organization, profile, by=NARRATOR, own_domains=(), licenses=[license_.id]
            )
