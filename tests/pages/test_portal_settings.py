"""The settings of an app, its logo, and deleting it."""

import io

import pytest
from PIL import Image

from support.uploads import picture
from support.world import PASSWORD


@pytest.fixture
def made(world, developer):
    return world.service_app(developer, name="Ledger  View", description="First line.\nSecond line.")


def path_of(made):
    return f"/portal/apps/{made.id}/settings"


def logo(form="PNG"):
    return {"logo": ("a name.png", picture(form, 600, height=300), "image/png")}


def logo_on(page):
    return next((image.get("src") for image in page.all("img") if "/logo?v=" in image.get("src", "")), None)


def test_settings_are_saved(dana, made, world, organization):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"name": "Ledger", "supportUrl": "https://northwind.example/help"})

    assert "The settings are saved." in page.text
    assert page.heading == "Ledger"
    changed = world.events(organization, "app.updated")[0].data
    assert set(changed) == {"name", "supportUrl"}


def test_saving_without_a_change_records_nothing(dana, made, world, organization):
    dana.get(path_of(made))
    dana.submit(path_of(made), {"description": "First line.\r\nSecond line."})

    assert world.events(organization, "app.updated") == []


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(dana, made, world, organization):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"name": "n" * 200, "privacyUrl": "ftp://x"}, status=422)

    assert "There are 2 problems" in page.text
    assert page.values(page.forms(path_of(made))[0])["name"] == ["n" * 200]
    assert page.heading == "Ledger View"
    assert world.events(organization, "app.updated") == []


def test_who_saved_meanwhile_is_shown_beside_the_own_text(dana, made, new_browser, developer):
    other = new_browser().sign_in(developer)
    other.get(path_of(made))
    dana.get(path_of(made))
    dana.submit(path_of(made), {"name": "Theirs"})

    page = other.submit(path_of(made), {"name": "Mine"}, status=409)

    assert "Saved meanwhile" in page.text
    assert page.values(page.forms(path_of(made))[0])["name"] == ["Mine"]
    assert other.submit(path_of(made)).heading == "Mine"


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_logo_is_drawn_anew_and_kept_by_browsers(dana, made, form):
    dana.get(path_of(made))
    page = dana.submit(f"{path_of(made)}/logo", files=logo(form))
    answer = dana.client.get(logo_on(page))

    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (512, 256)

    unnamed = dana.client.get(f"/portal/apps/{made.id}/logo")

    assert unnamed.headers["etag"] == answer.headers["etag"]
    assert "immutable" not in unnamed.headers["cache-control"]


def test_a_logo_is_removed(dana, made):
    dana.get(path_of(made))
    dana.submit(f"{path_of(made)}/logo", files=logo())
    page = dana.submit(f"{path_of(made)}/logo", {"remove": "yes"})

    assert "The logo is removed." in page.text
    assert logo_on(page) is None
    dana.get(f"/portal/apps/{made.id}/logo", status=404)


def test_a_refused_logo_leaves_the_present_one(dana, made):
    dana.get(path_of(made))
    before = logo_on(dana.submit(f"{path_of(made)}/logo", files=logo()))
    refused = {"logo": ("x.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")}
    page = dana.submit(f"{path_of(made)}/logo", files=refused, status=422)

    assert "must be a PNG or JPEG" in page.text
    assert logo_on(dana.get(path_of(made))) == before


def test_no_file_is_no_logo(dana, made):
    dana.get(path_of(made))
    page = dana.submit(f"{path_of(made)}/logo", status=422)

    assert "Choose a picture first." in page.text


def test_the_logo_is_seen_by_who_decides_on_the_app_and_by_nobody_else(
    dana, made, world, new_browser, organization
):
    dana.get(path_of(made))
    address = logo_on(dana.submit(f"{path_of(made)}/logo", files=logo()))
    admin = new_browser().sign_in(world.full_admin(organization, password=PASSWORD))
    stranger = new_browser().sign_in(world.full_admin(world.organization(), password=PASSWORD))

    assert admin.client.get(address).status_code == 200
    stranger.get(address, status=404)
    assert new_browser().get(address).heading == "Sign in"


def test_deleting_needs_the_name_and_ends_everything(dana, made, world, organization):
    world.authorize(made, world.full_admin(organization))
    access = world.retrieve(made, organization).access_token.reveal()
    path = f"/portal/apps/{made.id}/delete"
    page = dana.get(path)

    assert "1 organization loses the app" in page.text
    assert "Northwind Traders" in page.text

    page = dana.submit(path, {"confirm": "ledger view"}, status=422)

    assert "Type the name as it is shown: Ledger View" in page.text

    page = dana.submit(path, {"confirm": "Ledger View"})

    assert "Ledger View is deleted." in page.text
    assert "Create your first app" in page.text
    dana.get(f"/portal/apps/{made.id}", status=404)
    me = dana.client.get("/v1/people/me", headers={"Authorization": f"Bearer {access}"})
    assert me.status_code == 401
    assert len(world.events(organization, "app.deleted")) == 1
