"""Client ids and client secrets of an app."""

import pytest

from appanage.apps import queries as apps


@pytest.fixture
def live_endings(world, made):
    def read():
        with world.deployment.transaction(world.origin) as tx:
            return [one.last_four for one in apps.list_secrets(tx, made.app) if one.is_live(tx.now)]

    return read


def path_of(made):
    return f"/portal/apps/{made.id}/credentials"


def rotate(dana, made, overlap, **options):
    dana.get(f"{path_of(made)}/rotate")
    return dana.submit(f"{path_of(made)}/rotate", {"overlap": overlap}, **options)


def secret_on(page):
    return next(field.get("value") for field in page.all("input") if field.get("id") == "client-secret")


def test_ids_are_shown_and_secrets_only_by_their_ending(dana, made, world):
    page = dana.get(path_of(made))

    assert made.client_id in page.html
    assert world.app_id(made) in page.html
    assert f"…{made.secret[-4:]}" in page.text
    assert "by Dana Kim" in page.text
    assert made.secret not in page.html


def test_a_used_secret_shows_when_and_from_where(dana, made, world, organization):
    world.authorize(made, world.full_admin(organization))
    world.retrieve(made, organization)

    assert "just now" in dana.get(path_of(made)).text
    assert "from local" in dana.page.text


def test_a_new_secret_is_shown_once_and_overlaps_with_the_old(dana, made, live_endings, clock):
    page = rotate(dana, made, "24h")
    secret = secret_on(page)

    assert f"The secret that ends in {made.secret[-4:]} keeps working until" in page.text
    assert live_endings() == [secret[-4:], made.secret[-4:]]

    again = dana.get(str(page.response.url))

    assert "This secret was shown already" in again.text
    assert secret not in again.html
    assert "Being replaced" in dana.get(path_of(made)).text

    clock.advance(hours=25)

    assert live_endings() == [secret[-4:]]


def test_without_overlap_the_old_secret_ends_at_once(dana, made, live_endings):
    secret = secret_on(rotate(dana, made, "0"))

    assert live_endings() == [secret[-4:]]
    assert "Secrets that ended" in dana.get(path_of(made)).text


def test_a_third_secret_says_that_the_first_one_stops(dana, made, live_endings):
    second = secret_on(rotate(dana, made, "7d"))
    page = dana.get(f"{path_of(made)}/rotate")

    assert f"The one that ends in {made.secret[-4:]} stops as soon as you make another." in page.text

    third = secret_on(rotate(dana, made, "7d"))

    assert live_endings() == [third[-4:], second[-4:]]


@pytest.mark.parametrize("overlap", ["", "9d", "<script>"])
def test_an_overlap_that_is_not_offered_makes_no_secret(dana, made, live_endings, overlap):
    page = rotate(dana, made, overlap, status=422)

    assert "Choose when the present secret ends." in page.text
    assert len(live_endings()) == 1


def test_a_secret_is_revoked_after_saying_what_stops(dana, made, live_endings):
    page = dana.get(path_of(made))
    revoke = next(link for link in page.links() if link.endswith("/revoke"))
    asked = dana.get(revoke)

    assert "It is the only secret that works" in asked.text
    assert f"{path_of(made)}/rotate" in asked.links()

    done = dana.submit(revoke)

    assert "is revoked." in done.text
    assert "No client secret works." in done.text
    assert live_endings() == []

    dana.get(revoke, status=409)

    assert "No secret works at present" in dana.get(f"{path_of(made)}/rotate").text
    assert secret_on(dana.submit(f"{path_of(made)}/rotate")).startswith("apn_cs_")


def test_the_secret_of_another_app_is_not_found(dana, made, world, developer):
    other = world.service_app(developer)
    page = dana.get(path_of(other))
    revoke = next(link for link in page.links() if link.endswith("/revoke"))

    dana.get(revoke.replace(str(other.id), str(made.id)), status=404)
