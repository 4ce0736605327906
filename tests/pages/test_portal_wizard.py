"""Creating a Service App: the three steps, back and forth, and the secret shown once."""

import pytest

from appanage.apps.scopes import ServiceAppUse, catalogue
from appanage.kit.secrets import Prefix, is_well_formed
from support.uploads import logo_file, picture

ABOUT = {
    "name": "Shift Ledger",
    "description": "Publishes rosters.\nTracks swaps.",
    "contactEmail": "dana@northwind.example",
    "companyName": "Northwind",
    "supportUrl": "https://northwind.example/help",
    "privacyUrl": "https://northwind.example/privacy",
}
SCOPES = {
    "scope": ["spark-admin:people_read", "spark-admin:people_write"],
    "why:spark-admin:people_write": "Rosters follow hires.",
}
WIZARD = "/portal/apps/new/service-app"


def at_scopes(dana, **about):
    dana.get(f"{WIZARD}/about")
    return dana.submit(f"{WIZARD}/scopes", ABOUT | about)


def at_review(dana):
    at_scopes(dana)
    return dana.submit(f"{WIZARD}/review", SCOPES)


def secret_on(page):
    return next(field.get("value") for field in page.all("input") if field.get("id") == "client-secret")


def test_the_choice_of_a_type_leads_to_the_wizard(dana):
    page = dana.get("/portal/apps/new")

    assert page.heading == "Create a New App"
    assert f"{WIZARD}/about" in page.links()


def test_the_contact_is_filled_in_with_the_developers_own_address(dana, developer):
    page = dana.get(f"{WIZARD}/about")

    assert page.values(page.forms(WIZARD)[0])["contactEmail"] == [developer.email]


def test_an_app_is_created_in_three_steps_and_its_secret_is_shown_once(dana, world, organization):
    review = at_review(dana)

    for text in ("Shift Ledger", "Publishes rosters.", "Rosters follow hires.", "A Full Administrator"):
        assert text in review.text

    created = dana.submit(WIZARD)
    secret = secret_on(created)

    assert "Shift Ledger is registered" in created.text
    assert is_well_formed(secret, Prefix.CLIENT_SECRET)
    assert created.response.headers["referrer-policy"] == "no-referrer"
    assert created.response.headers["cache-control"] == "no-store"

    again = dana.get(str(created.response.url))

    assert "This secret was shown already" in again.text
    assert secret not in again.html
    assert world.events(organization, "app.created")[0].data["scopes"] == SCOPES["scope"]


def test_a_logo_may_be_added_at_the_last_step(dana):
    at_review(dana)
    created = dana.submit(WIZARD, files=logo_file(picture()))

    assert any("/logo?v=" in image.get("src", "") for image in created.all("img"))


def test_a_logo_that_is_refused_creates_nothing_and_keeps_the_draft(dana, world, organization):
    at_review(dana)
    page = dana.submit(WIZARD, files=logo_file(b"<svg onload='alert(1)'/>"), status=422)

    assert "The logo must be a PNG or JPEG picture" in page.text
    assert page.values(page.forms(WIZARD)[0])["name"] == ["Shift Ledger"]
    assert world.events(organization, "app.created") == []

    assert "is registered" in dana.submit(WIZARD).text


def test_a_logo_that_is_too_large_is_refused(dana):
    at_review(dana)
    page = dana.submit(WIZARD, files=logo_file(b"\x89PNG" + bytes(300 * 1024)), status=422)

    assert "at most 256 KiB" in page.text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter a name."),
        ("name", "n" * 200, "The name has 200 characters"),
        ("description", " ", "Describe what the app does"),
        ("contactEmail", "nobody", "The contact is not a valid e-mail address."),
        ("companyName", "c" * 201, "The company has 201 characters"),
        ("supportUrl", "http://plain.example", "must be an https URL"),
        ("privacyUrl", "javascript:alert(1)", "must be an https URL"),
    ],
)
def test_what_is_wrong_about_the_app_is_said_at_the_first_step(dana, field, value, sentence):
    dana.get(f"{WIZARD}/about")
    page = dana.submit(f"{WIZARD}/scopes", ABOUT | {field: value}, status=422)

    assert page.title.startswith("Create a Service App: about")
    assert sentence in page.text
    assert f"#f-{field}" in page.links()
    assert page.values(page.forms(WIZARD)[0])[field] == [value.strip()]


def test_scopes_must_be_chosen(dana):
    at_scopes(dana)
    page = dana.submit(f"{WIZARD}/review", {"scope": []}, status=422)

    assert "Choose at least one scope." in page.text


def test_more_scopes_than_fit_are_refused_with_what_to_remove(dana):
    usable = [name for name, scope in catalogue().items() if scope.service_app != ServiceAppUse.NO][:60]
    at_scopes(dana)
    page = dana.submit(f"{WIZARD}/review", {"scope": usable}, status=422)

    assert "of 800 characters. Remove at least" in page.text
    assert set(page.values(page.forms(WIZARD)[0])["scope"]) == set(usable)


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("analytics:read_all", "Service Apps cannot use analytics:read_all"),
        ("spark:nonsense", "There is no scope spark:nonsense"),
        ("<script>alert(1)</script>", "There is no scope <script>"),
    ],
)
def test_scopes_that_cannot_be_had_are_refused(dana, scope, sentence):
    at_scopes(dana)
    page = dana.submit(f"{WIZARD}/review", {"scope": [scope]}, status=422)

    assert sentence in page.text
    assert "<script>alert" not in page.html


def test_unusable_scopes_are_listed_with_their_reason(dana):
    page = at_scopes(dana)

    assert "Not for Service Apps. Analytics endpoints do not accept machine accounts." in page.text
    off = [box for box in page.all("input") if box.get("value") == "analytics:read_all"]
    assert off[0].get("disabled") is not None


def test_a_reason_that_is_too_long_is_refused_at_its_own_step(dana):
    at_scopes(dana)
    page = dana.submit(f"{WIZARD}/review", SCOPES | {"why:spark-admin:people_write": "r" * 301}, status=422)

    assert page.title.startswith("Create a Service App: scopes")
    assert "is longer than 300 characters" in page.text


def test_going_back_keeps_everything(dana):
    review = at_review(dana)
    scopes = dana.post(f"{WIZARD}/scopes", review.values(review.forms(WIZARD)[0]))

    assert scopes.values(scopes.forms(WIZARD)[0])["scope"] == SCOPES["scope"]
    assert "Rosters follow hires." in scopes.html

    about = dana.post(f"{WIZARD}/about", scopes.values(scopes.forms(WIZARD)[0]))
    kept = about.values(about.forms(WIZARD)[0])

    assert {name: kept[name][0] for name in ABOUT} == ABOUT
    assert kept["scope"] == SCOPES["scope"]

    dana.submit(f"{WIZARD}/scopes", {"name": "Shift Ledger 2"})
    dana.submit(f"{WIZARD}/review")

    assert "Shift Ledger 2" in dana.submit(WIZARD).heading


def test_an_unfinished_draft_can_be_taken_back_to_the_first_step(dana):
    page = at_scopes(dana)
    about = dana.post(f"{WIZARD}/about", page.values(page.forms(WIZARD)[0]))

    assert about.heading == "Create a Service App"


@pytest.mark.parametrize("step", ["/scopes", "/review", ""])
def test_a_later_step_without_a_draft_begins_at_the_first(dana, step):
    page = dana.get(f"{WIZARD}{step}")

    assert str(page.response.url).endswith("/about")


@pytest.mark.parametrize("step", ["/scopes", "/review", ""])
def test_a_tampered_step_is_checked_again(dana, step, world, organization):
    dana.get(f"{WIZARD}/about")
    token = dana.page.values(dana.page.forms(WIZARD)[0])["csrf"]

    dana.post(f"{WIZARD}{step}", {"csrf": token, "scope": ["spark-admin:people_read"]}, status=422)

    assert world.events(organization, "app.created") == []


def test_the_wizard_needs_its_token(dana, world, organization):
    dana.post(WIZARD, ABOUT | SCOPES, status=403)

    assert world.events(organization, "app.created") == []


def test_another_browser_of_the_same_person_cannot_see_the_secret(dana, new_browser, developer):
    at_review(dana)
    sent = dana.client.post(WIZARD, data=dana.page.values(dana.page.forms(WIZARD)[0]), follow_redirects=False)
    address = sent.headers["location"]

    page = new_browser().sign_in(developer).get(address)

    assert "This secret was shown already" in page.text
    assert "apn_cs_" not in address
    assert secret_on(dana.get(address)).startswith("apn_cs_")
