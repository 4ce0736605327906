"""The list of one's own apps: its filters, its orders and its pages (platform reference §3.4)."""

import pytest

from api.conftest import Caller
from appanage.directory.model import Account, Organization
from support.world import World


@pytest.fixture
def apps(world: World, account: Account) -> None:
    """One app of each kind, and some that got further in their own organization, the oldest first."""
    world.integration(account, name="beta Notes")
    world.service_app(account, name="Gamma Sync", requested=False)
    world.bot(account, name="Alpha Bot", bot_email=f"alpha-{account.id.hex}@webex.bot")
    world.service_app(account, name="Delta Sync")
    admin = world.full_admin(account.organization)
    world.authorize(world.service_app(account, name="Epsilon Sync"), admin)
    world.service_app(world.developer(account.organization), name="A colleague's")


NEWEST = ["Epsilon Sync", "Delta Sync", "Alpha Bot", "Gamma Sync", "beta Notes"]
BY_NAME = ["Alpha Bot", "beta Notes", "Delta Sync", "Epsilon Sync", "Gamma Sync"]


def names(developer: Caller, query: str) -> list[str]:
    return [one["name"] for one in developer.pages(f"/applications{query}")]


@pytest.mark.usefixtures("apps")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", NEWEST),
        ("?type=serviceApp", ["Epsilon Sync", "Delta Sync", "Gamma Sync"]),
        ("?type=authorizedAppIssuer", ["Epsilon Sync", "Delta Sync", "Gamma Sync"]),
        ("?type=integration", ["beta Notes"]),
        ("?type=bot", ["Alpha Bot"]),
        ("?name=SYNC", ["Epsilon Sync", "Delta Sync", "Gamma Sync"]),
        ("?appName=mma", ["Gamma Sync"]),
        ("?name=%25", []),
        ("?createdBy=me", NEWEST),
        ("?submissionStatus=none", NEWEST),
        ("?submissionStatus=approved", []),
        ("?submissionStatus=in_review", []),
        ("?orgSubmissionStatus=none", ["Alpha Bot", "Gamma Sync", "beta Notes"]),
        ("?orgSubmissionStatus=submitted", ["Delta Sync"]),
        ("?orgSubmissionStatus=approved", ["Epsilon Sync"]),
        ("?orgSubmissionStatus=none&type=serviceApp", ["Gamma Sync"]),
        ("?orderBy=name", BY_NAME),
        ("?orderBy=appName", BY_NAME),
        ("?orderBy=isFeatured", NEWEST),
        ("?orderBy=lastSubmissionDate", NEWEST),
        ("?orderBy=policy", NEWEST),
        ("?category=productivity", []),
        ("?tag=notes", []),
        ("?isFeatured=true", []),
        ("?isFeatured=False", NEWEST),
        ("?isNative=True", []),
        ("?isNative=false", NEWEST),
        ("?waitForCI=true", NEWEST),
        ("?botEmail=nobody@webex.bot", []),
    ],
)
def test_apps_are_found_by_what_they_are(developer: Caller, query: str, found: list[str]):
    joined = f"{query}&" if query else "?"

    assert names(developer, query) == found
    assert names(developer, f"{joined}max=1") == found
    assert names(developer, f"{joined}max=2") == found


@pytest.mark.usefixtures("apps")
def test_apps_are_found_by_ids_and_addresses(
    developer: Caller, world: World, account: Account, organization: Organization
):
    me = developer.get("/people/me")["id"]

    assert names(developer, f"?createdBy={me}") == names(developer, f"?createdBy={account.id}") == NEWEST
    assert names(developer, f"?orgId={world.organization_id(organization)}") == NEWEST
    assert names(developer, f"?botEmail=ALPHA-{account.id.hex}@Webex.Bot") == ["Alpha Bot"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("type=rocket", "'serviceApp', 'authorizedAppIssuer', 'integration' or 'bot'"),
        ("submissionStatus=lost", "'withdrawn'"),
        ("orgSubmissionStatus=in_review", "'none', 'submitted' or 'approved'"),
        ("orderBy=colour", "'lastSubmissionDate'"),
        ("isFeatured=perhaps", "boolean"),
        ("createdBy=somebody", "say me"),
        ("createdBy=00000000-0000-0000-0000-000000000000", "say me"),
    ],
)
def test_what_nobody_knows_is_refused_with_what_is_known(developer: Caller, query: str, named: str):
    refused = developer.get(f"/applications?{query}", 400)

    [error] = refused["errors"]
    assert error["description"].startswith(f"{query.partition('=')[0]}: ")
    assert named in error["description"]


def test_another_organizations_apps_are_not_there(developer: Caller, world: World):
    developer.get(f"/applications?orgId={world.organization_id(world.organization())}", 404)


@pytest.mark.parametrize("order", ["", "&orderBy=name"])
def test_apps_of_one_name_are_each_listed_once(developer: Caller, world: World, account: Account, order: str):
    made = {world.app_id(world.service_app(account, name=name)) for name in ("Sync", "SYNC", "sync", "Sync")}

    listed = [one["id"] for one in developer.pages(f"/applications?max=1{order}")]

    assert (len(listed), set(listed)) == (4, made)


@pytest.mark.usefixtures("apps")
def test_no_secret_is_ever_listed(developer: Caller):
    """CRED-02."""
    developer.get("/applications")

    assert "apn_" not in developer.response.text
