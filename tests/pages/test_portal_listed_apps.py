"""A listed app in the portal: what is live, what waits for a review, and how it is discarded (checklist REG-13)."""

import pytest

from appanage.apps import queries as apps
from appanage.apps import versions
from support.browser import rows_of
from support.uploads import logo_file, picture
from support.world import CALLBACK, DESK_SCOPES


@pytest.fixture
def made(world, developer):
    made = world.integration(developer, name="Desk Booking", company_name="Northwind Traders")
    world.list_app(made)
    return made


def path_of(made, page=""):
    return f"/portal/apps/{made.id}{page}"


def live(world, made):
    with world.deployment.transaction(world.origin) as tx:
        return versions.reviewed_facts(apps.get_app(tx, made.id))


def test_what_waits_is_shown_beside_what_is_live_and_discarded_where_it_was_changed(dana, made, world):
    """REG-13: name, company, URLs; the reader is told where to hand it in."""
    settings, before = path_of(made, "/settings"), live(world, made)
    dana.get(settings)
    assert "Waits for review" not in dana.page.text
    dana.submit(settings, {"name": "Desks", "description": "Books desks."})
    assert "The settings are saved. What must be reviewed is proposed" in dana.page.text
    page = dana.submit(f"{settings}/urls", {"redirectUrls": f"{CALLBACK}\nhttps://desk.example/2"})

    assert page.heading == "Desk Booking"
    assert page.text.count("until a reviewer approves this") == 2
    assert ("Name", "Desk Booking", "Desks") in rows_of(page)
    assert path_of(made, "/listing") in page.links()
    assert page.values(page.forms(settings)[0])["name"] == ["Desks"]
    assert live(world, made) == before

    page = dana.submit(path_of(made, "/proposal/discard"))
    assert page.text.count("until a reviewer approves this") == 1
    assert page.values(page.forms(settings)[0])["name"] == ["Desk Booking"]
    dana.submit(path_of(made, "/proposal/discard"))
    assert "Waits for review" not in dana.page.text
    token = dana.page.values(dana.page.forms(settings)[0])["csrf"]
    dana.post(path_of(made, "/proposal/discard"), {"part": "everything", "csrf": token}, status=400)


def test_who_proposed_meanwhile_is_shown_beside_the_own_text(dana, made, new_browser, developer):
    settings = path_of(made, "/settings")
    other = new_browser().sign_in(developer)
    other.get(settings)
    dana.get(settings)
    dana.submit(settings, {"name": "Theirs"})

    page = other.submit(settings, {"name": "Mine"}, status=409)

    assert "Saved meanwhile" in page.text
    assert page.values(page.forms(settings)[0])["name"] == ["Mine"]
    other.submit(settings)
    assert ("Name", "Desk Booking", "Mine") in rows_of(other.page)


def test_scopes_are_removed_at_once_and_added_after_a_review(dana, made, world):
    """REG-13, CONS-04."""
    scopes = path_of(made, "/scopes")
    dana.get(scopes)
    page = dana.submit(scopes, {"scope": [*DESK_SCOPES[:2], "spark:people_write"]})

    assert "What was removed stopped working at once." in page.text
    assert "What must be reviewed is proposed" in page.text
    assert live(world, made)["scopes"] == sorted(DESK_SCOPES[:2])
    assert "spark:people_write" in page.values(page.forms(scopes)[0])["scope"]
    page = dana.submit(path_of(made, "/proposal/discard"))
    assert "spark:people_write" not in page.values(page.forms(scopes)[0])["scope"]


def test_a_proposed_logo_is_seen_by_its_owners_alone(dana, made, world, new_browser, organization):
    settings = path_of(made, "/settings")
    dana.get(settings)
    page = dana.submit(f"{settings}/logo", files=logo_file(picture()))
    [address] = [one.get("src") for one in page.all("img") if "/proposal/logo?v=" in one.get("src", "")]

    answer = dana.client.get(address)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert live(world, made)["logo"] is None
    page = dana.submit(f"{settings}/logo", {"remove": "yes"}, files=None)
    assert "/proposal/logo" not in page.response.text
    dana.get(path_of(made, "/proposal/logo"), 404)


def test_another_client_type_waits_and_its_key_is_added_meanwhile(dana, made, world):
    """REG-13: the secret by which the app proves itself works until then."""
    type_ = path_of(made, "/credentials/type")
    dana.get(type_)
    page = dana.submit(type_, {"clientProof": "private_key_jwt"})
    assert "What must be reviewed is proposed" in page.text

    page = dana.get(path_of(made, "/credentials"))

    assert ("Client type", "Runs on a server (client secret)") in [row[:2] for row in rows_of(page)]
    assert path_of(made, "/credentials/keys/new") in page.links()
    assert f"…{made.secret[-4:]}" in page.text
    dana.get(path_of(made, "/credentials/keys/new"))


def test_the_test_page_waits_too(dana, made, world):
    dana.get(path_of(made, "/try"))
    page = dana.submit(path_of(made, "/try/url"))

    assert "becomes one of the redirect URLs when a reviewer approved that" in page.text
    assert live(world, made)["redirectUrls"] == [CALLBACK]
