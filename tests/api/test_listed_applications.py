"""Listed apps by API: what waits for a review is shown beside what is live (checklist REG-13)."""

import base64

import pytest

from api.conftest import Caller
from appanage.directory.model import Account
from support.uploads import picture
from support.world import CALLBACK, DESK_SCOPES, MadeApp, World

OTHER = "https://desk.fabrikam.example/other"


@pytest.fixture
def made(world: World, account: Account) -> MadeApp:
    made = world.integration(account, name="Desk Booking", redirect_urls=[CALLBACK, OTHER])
    world.list_app(made)
    return made


def test_patch_adds_to_what_is_proposed_put_replaces_it_and_delete_drops_it(
    developer: Caller, made: MadeApp, world: World
):
    """REG-13. Reasons are kept for each scope that a change does not name."""
    path = f"/applications/{world.app_id(made)}"
    scopes = sorted([*DESK_SCOPES, "spark:people_write"])
    reasons = {"spark:people_read": "To greet people.", "spark:people_write": "To note their desk."}
    live = developer.get(path)

    developer.patch(path, {"scopes": scopes, "reasons": {"spark:people_read": "To greet people."}})
    developer.patch(
        path, {"reasons": {"spark:people_write": "To note their desk."}, "companyName": "Contoso"}
    )
    proposed = developer.patch(path, {"name": "Desks", "redirectUrls": [CALLBACK, f"{OTHER}2"]})

    assert proposed["proposed"] == {
        "name": "Desks",
        "companyName": "Contoso",
        "redirectUrls": [CALLBACK, f"{OTHER}2"],
        "scopes": scopes,
        "reasons": reasons,
    }
    # What takes away takes effect at once, the rest of the live app is as it was.
    assert proposed["redirectUrls"] == [CALLBACK]
    same = set(live) - {"redirectUrls", "modified"}
    assert {name: proposed[name] for name in same} == {name: live[name] for name in same}
    assert "proposed" not in live

    replaced = developer.put(path, {**live, "redirectUrls": [CALLBACK], "name": "Desks by Contoso"})
    assert replaced["proposed"] == {"name": "Desks by Contoso"}

    developer.delete(f"{path}/proposed")
    assert "proposed" not in developer.get(path)


def test_a_proposed_logo_is_seen_by_its_owners(developer: Caller, made: MadeApp, world: World):
    path = f"/applications/{world.app_id(made)}"
    developer.send("PUT", f"{path}/logo", 200, content=picture(), headers={"content-type": "image/png"})
    shown = developer.get(path)

    assert "logo" not in shown
    address = shown["proposed"]["logo"]
    developer.get(address[address.index("/applications") :])
    assert developer.response.headers["content-type"] == "image/png"
    developer.get(f"{path}/logo", 404)
    developer.get(f"{path}/logo?v={base64.b16encode(b'nobody').decode()}", 404)
    developer.patch(path, {"logo": address})
    assert developer.get(path)["proposed"]["logo"] == address
    developer.patch(path, {"logo": None})
    assert "proposed" not in developer.get(path)
