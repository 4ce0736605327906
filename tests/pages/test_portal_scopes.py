"""Changing the scopes of an app, and the scope reference."""

import pytest

from appanage.apps.scopes import catalogue
from support.world import PEOPLE_SCOPES

LICENSES = "spark-admin:licenses_read"


@pytest.fixture
def made(world, developer, organization):
    app = world.service_app(developer)
    world.authorize(app, world.full_admin(organization))
    return app


def path_of(made):
    return f"/portal/apps/{made.id}/scopes"


def test_the_present_scopes_are_chosen(dana, made):
    page = dana.get(path_of(made))
    values = page.values(page.forms(path_of(made))[0])

    assert values["scope"] == list(PEOPLE_SCOPES)
    assert values["version"] == ["1"]


def test_an_added_scope_waits_for_every_organization(dana, made, world, organization):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"scope": [*PEOPLE_SCOPES, LICENSES]})

    assert "1 organization must approve what was added." in page.text
    assert "Must approve added scopes now" in page.text
    assert "Scopes pending" in page.text
    assert len(world.events(organization, "app.scopes_changed")) == 1
    assert f"Added: {LICENSES}." in dana.get(f"/portal/apps/{made.id}/activity").text


def test_a_removed_scope_is_said_to_stop_at_once(dana, made):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"scope": [PEOPLE_SCOPES[0]]})

    assert "What was removed stopped working at once." in page.text
    assert "must approve" not in page.text


def test_who_saved_meanwhile_is_not_overwritten_unseen(dana, made, new_browser, developer):
    other = new_browser().sign_in(developer)
    other.get(path_of(made))
    dana.get(path_of(made))
    dana.submit(path_of(made), {"scope": [LICENSES]})

    page = other.submit(path_of(made), {"scope": [PEOPLE_SCOPES[0]]}, status=409)

    assert "was changed by somebody else in the meantime" in page.text
    assert LICENSES in page.text
    assert page.values(page.forms(path_of(made))[0])["scope"] == [PEOPLE_SCOPES[0]]

    assert "The scopes are saved." in other.submit(path_of(made)).text


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "9" * 30, "١"])
def test_a_form_without_a_good_version_is_a_conflict(dana, made, version):
    dana.get(path_of(made))

    dana.submit(path_of(made), {"version": version}, status=409)


@pytest.mark.parametrize("scopes", [[], ["analytics:read_all"], ["spark:nonsense"]])
def test_impossible_scopes_change_nothing(dana, made, world, organization, scopes):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"scope": scopes}, status=422)

    assert "There is 1 problem" in page.text
    assert world.events(organization, "app.scopes_changed") == []


def test_a_hostile_reason_is_only_text(dana, made):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {f"why:{PEOPLE_SCOPES[1]}": '"><script>alert(1)</script>'})

    assert "<script>alert" not in page.html
    assert "The scopes are saved." in page.text


def test_compliance_scopes_say_who_must_approve(dana, made):
    dana.get(path_of(made))
    page = dana.submit(path_of(made), {"scope": ["spark-compliance:messages_read"]})

    assert "A Full Administrator who is also Compliance Officer" in page.text


def test_the_reference_lists_the_whole_catalogue(dana):
    page = dana.get("/portal/scopes")

    assert all(f"<code>{name}</code>" in page.html for name in catalogue())
    assert f"{len(catalogue())} scopes" in page.text


def test_the_reference_is_searched_and_filtered(dana):
    page = dana.get("/portal/scopes?q=people+read&family=spark-admin&risk=medium&use=yes")

    assert "spark-admin:people_read" in page.text
    assert "spark:people_read" not in page.text


def test_a_search_of_the_reference_without_a_match_can_be_cleared(dana):
    page = dana.get("/portal/scopes?q=<script>alert(1)</script>")

    assert "Nothing matches these filters" in page.text
    assert "<script>alert" not in page.html
