"""The App Hub by API: open to everybody, and to nobody too often."""

import uuid
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from api.conftest import Caller, Calling
from appanage.app import create_app
from appanage.deployment import Deployment
from appanage.directory import domains
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.events import Actor
from appanage.kit.ids import Kind
from support.profiles import commercial_only, fedramp_only
from support.refusals import counted_statements
from support.shelf import put_up
from support.suspending import suspend
from support.world import MadeApp, World

LISTINGS = "/appHub/listings"


@pytest.fixture
def everybody(calling: Calling) -> Caller:
    """Somebody without a token."""
    return calling("")


@pytest.fixture
def word() -> str:
    """A word that no other story's apps have."""
    return f"w{uuid.uuid4().hex}"


@pytest.fixture
def made(world: World, account: Account, word: str) -> MadeApp:
    return world.service_app(
        account,
        name=f"Sync {word}",
        company_name="Northwind",
        scope_reasons={"spark-admin:people_write": "To create people."},
    )


@commercial_only
def test_everybody_finds_listed_apps_and_reads_all_about_them(
    world: World, everybody: Caller, made: MadeApp, word: str, organization: Organization
):
    with world.deployment.transaction(world.origin) as tx:
        domains.verify(tx, f"{word[:20]}.example", organization, by=Actor("The operator"))
    listing = put_up(world, made, with_picture=True, categories=("finance",), tags=(f"t-{word}",))
    other = put_up(world, world.integration(name=f"Desk {word}"), categories=("finance",))

    found = everybody.get(f"{LISTINGS}?search={word}")["items"]
    assert {one["friendlyId"] for one in found} == {listing.slug, other.slug}
    assert everybody.pages(f"{LISTINGS}?search={word}&max=1") == found
    for query in (
        f"search={word[:12]}&type=serviceApp",
        f"tag=t-{word}",
        f"search=sync%20{word}&category=finance",
    ):
        assert [one["id"] for one in everybody.get(f"{LISTINGS}?{query}")["items"]] == [world.app_id(made)]
    assert everybody.get(f"{LISTINGS}?search={word}&featured=true")["items"] == []
    assert "description" not in found[0]

    whole = everybody.get(f"{LISTINGS}/{listing.slug}")
    for key in (world.app_id(made), made.client_id, str(made.id)):
        assert everybody.get(f"{LISTINGS}/{key}") == whole
    assert whole["description"] == "Compares **people** every night."
    assert whole["verifiedDomains"] == [f"{word[:20]}.example"]
    assert [(scope["name"], scope["risk"]) for scope in whole["scopes"]] == [
        ("spark-admin:people_write", "high"),
        ("spark-admin:people_read", "medium"),
    ]
    assert whole["scopes"][0]["reason"] == "To create people."
    assert whole["url"] == f"http://localhost:8080/apps/{listing.slug}"
    assert whole["screenshots"][0]["alternativeText"] == "A list of people"
    assert "secret between" not in str(whole), "how to test is between developers and reviewers"


@commercial_only
def test_what_is_not_listed_is_the_same_404_for_everybody(
    world: World, everybody: Caller, developer: Caller, made: MadeApp, account: Account, word: str
):
    """CONS-12: also for its owner, and for whoever holds a token."""
    known = [world.app_id(made), made.client_id, str(made.id), f"sync-{word}-northwind"]
    answers = set()
    for key in (*known, str(uuid.uuid4()), world.public_id(Kind.APPLICATION, uuid.uuid4()), "nobody", "%00"):
        for caller in (everybody, developer):
            caller.get(f"{LISTINGS}/{key}", status=404)
            answers.add(caller.response.json()["message"])

    assert len(answers) == 1
    for there, not_there in (
        (made.client_id, f"{made.client_id[:-4]}0000"),
        (str(made.id), str(uuid.uuid4())),
    ):
        assert looked_up(world, everybody, there) == looked_up(world, everybody, not_there)
    assert everybody.get(f"{LISTINGS}?search={word}")["items"] == []
    everybody.get(f"{LISTINGS}?cursor=nonsense", status=400)
    everybody.get(f"{LISTINGS}?max=0", status=400)


def looked_up(world: World, caller: Caller, key: str) -> int:
    """How many statements it takes not to find it."""
    with counted_statements(world) as statements:
        caller.get(f"{LISTINGS}/{key}", status=404)
    return len(statements)


@commercial_only
def test_a_suspended_app_is_taken_out_as_well(
    world: World, calling: Calling, developer: Caller, made: MadeApp, admin: Caller
):
    """It is not shown, but lifting the suspension would bring it back."""
    address = f"{LISTINGS}/{put_up(world, made).slug}"
    suspend(world, made)
    developer.get(address, status=404)
    admin.delete(f"{address}?reason=No", status=404)

    calling(world.token(world.operators(Role.APP_REVIEWER))).delete(f"{address}?reason=It+leaks")

    developer.delete(f"{address}?reason=Again", status=404)


@commercial_only
def test_reviewers_feature_apps_and_owners_take_theirs_out(
    world: World,
    calling: Calling,
    developer: Caller,
    made: MadeApp,
    organization: Organization,
    admin: Caller,
):
    listing = put_up(world, made)
    address = f"{LISTINGS}/{listing.slug}"
    reviewer = calling(world.token(world.operators(Role.APP_REVIEWER)))

    for caller in (developer, admin, calling(world.token(world.operators(Role.OPERATOR)))):
        caller.put(f"{address}/featured", {"featured": True}, status=404)
    assert reviewer.put(f"{address}/featured", {"featured": True})["isFeatured"]
    assert listing.slug in [one["friendlyId"] for one in reviewer.pages(f"{LISTINGS}?featured=true")]
    admin.delete(f"{address}?reason=No", status=404)
    developer.delete(address, status=400)
    developer.delete(f"{address}?reason=Replaced")

    developer.get(address, status=404)
    (removed,) = world.events(organization, "listing.removed")
    assert removed.data == {"reason": "Replaced"}


@commercial_only
def test_who_looks_too_often_from_one_place_waits(new_deployment: Callable[..., Deployment]):
    """TEN-04: whatever token is sent along."""
    deployment: Deployment = new_deployment(visits_per_source=3)
    with TestClient(create_app(deployment), base_url=deployment.settings.base_url) as client:
        statuses = [client.get("/v1/appHub/listings", headers={"X-N": str(n)}).status_code for n in range(4)]
        waits = client.get("/v1/appHub/listings").headers["retry-after"]
        page = client.get("/apps")

    assert statuses == [200, 200, 200, 429]
    assert int(waits) > 0
    assert page.status_code == 429


@fedramp_only
def test_there_is_no_app_hub_in_the_fedramp_profile(everybody: Caller, developer: Caller):
    everybody.get(LISTINGS, status=404)
    developer.get(f"{LISTINGS}/anything", status=404)
