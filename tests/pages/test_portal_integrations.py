"""Integrations in the Developer Portal: the wizard, the authorization URL, who connected one, and its settings."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.apps.scopes import catalogue
from appanage.directory.roles import Role
from appanage.kit.secrets import Prefix, is_well_formed
from pages.developing import CALLBACK, SCOPES, integration
from support.browser import Browser
from support.consenting import allow
from support.live import deployment_for

WIZARD = "/portal/apps/new/integration"
ABOUT = {
    "name": "Desk Booking",
    "description": "Books a desk near your team.",
    "contactEmail": "dana@northwind.example",
    "clientProof": "client_secret",
    "redirectUrls": f"{CALLBACK}\r\nhttp://localhost:3000/cb?tenant=1",
}
PAGES = (
    "",
    "/scopes",
    "/connections",
    "/credentials",
    "/credentials/rotate",
    "/credentials/secret",
    "/credentials/type",
    "/created",
    "/try",
    "/activity",
    "/settings",
    "/delete",
)
FORMS = (
    "/scopes",
    "/settings",
    "/settings/urls",
    "/settings/rules",
    "/credentials/type",
    "/delete",
    "/try/url",
)
HOSTILE = "<script>alert(1)</script> & \"quotes\" '{{ 7*7 }}'"


@pytest.fixture
def made(world, developer):
    return integration(world, developer)


def browser_of(deployment):
    url = deployment.settings.base_url
    return Browser(TestClient(create_app(deployment), base_url=url, follow_redirects=True))


def at_scopes(dana, *, status=200, **about):
    dana.get(f"{WIZARD}/about")
    return dana.submit(f"{WIZARD}/scopes", ABOUT | about, status=status)


def register(dana, **about):
    at_scopes(dana, **about)
    dana.submit(f"{WIZARD}/review", {"scope": list(SCOPES)})
    return dana.submit(WIZARD)


def field_on(page, name):
    return next((one.get("value") for one in page.all("input") if one.get("id") == name), None)


def asked_by(url):
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def test_all_kinds_of_app_are_offered_with_their_difference(dana):
    page = dana.get("/portal/apps/new")

    assert f"{WIZARD}/about" in page.links()
    assert "/portal/apps/new/service-app/about" in page.links()
    assert "/portal/apps/new/bot/about" in page.links()
    assert "For one person at a time" in page.text


@pytest.mark.parametrize("kind", ["nonsense", "service_app", "INTEGRATION", "BOT"])
def test_nothing_else_can_be_created(dana, kind):
    dana.get(f"/portal/apps/new/{kind}/about", status=404)


def test_an_integration_is_created_in_three_steps_and_its_secret_is_shown_once(dana, world, organization):
    at_scopes(dana)
    review = dana.submit(f"{WIZARD}/review", {"scope": list(SCOPES)})

    for text in ("Runs on a server (client secret)", CALLBACK, "http://localhost:3000/cb?tenant=1"):
        assert text in review.text

    created = dana.submit(WIZARD)

    assert created.heading == "Desk Booking"
    assert "Integration" in created.text
    assert is_well_formed(field_on(created, "client-secret"), Prefix.CLIENT_SECRET)
    assert created.response.headers["referrer-policy"] == "no-referrer"
    assert "This secret was shown already" in dana.get(str(created.response.url)).text
    (recorded,) = world.events(organization, "app.created")
    assert recorded.data["kind"] == "integration"


def test_the_authorization_url_asks_for_everything_and_is_encoded(dana):
    created = register(dana)
    url = field_on(created, "authorization-url")

    assert url.startswith("http://localhost:8080/v1/authorize?")
    assert "+" not in url
    assert asked_by(url) == {
        "client_id": [field_on(created, "client-id")],
        "response_type": ["code"],
        "redirect_uri": [CALLBACK],
        "scope": [" ".join(SCOPES)],
        "state": ["set_state_here"],
    }


@pytest.mark.parametrize(
    ("proof", "sentence", "following"),
    [
        ("private_key_jwt", "It signs with a key of its own.", "/credentials/keys/new"),
        ("none", "It runs where nothing can be kept secret.", ""),
    ],
)
def test_without_a_secret_the_next_step_is_named(dana, proof, sentence, following):
    created = register(dana, clientProof=proof)
    path = urlsplit(str(created.response.url)).path.removesuffix("/created")

    assert "This app has no secret" in created.text
    assert sentence in created.text
    assert path + following in created.links()
    assert "apn_cs_" not in created.html


def test_only_who_needs_pkce_is_told_to_add_a_challenge(dana, world, developer, made):
    public = integration(world, developer, client_proof=ClientProof.NONE)

    assert "code_challenge_method=S256" in dana.get(public.path).text
    assert "code_challenge_method" not in field_on(dana.page, "authorization-url")
    assert "code_challenge_method=S256" not in dana.get(made.path).text


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        ("", "Enter at least one redirect URL"),
        ("http://desk.example/cb", "Use https"),
        ("https://desk.example/cb#", "A redirect URL has no fragment"),
        ("https://*.desk.example/cb", "A redirect URL has no wildcard"),
        ("com.example.desk:/cb", "Only a public client can be called by a scheme of its own"),
        ("javascript:alert(1)", "cannot be redirected to"),
        ("\n".join(f"https://desk.example/{n}" for n in range(21)), "There are 21 URLs"),
    ],
)
def test_redirect_urls_that_cannot_be_registered_are_refused_at_the_first_step(dana, urls, sentence):
    """REG-02."""
    page = at_scopes(dana, redirectUrls=urls, status=422)

    assert page.title.startswith("Create an Integration: about")
    assert sentence in page.text
    assert "#f-redirectUrls" in page.links()


def test_a_public_client_may_use_a_scheme_of_its_own(dana):
    assert "is registered" in register(dana, clientProof="none", redirectUrls="com.example.desk:/cb").text


def test_a_client_type_that_is_not_offered_is_refused(dana, world, organization):
    at_scopes(dana, clientProof="client_secret_jwt", status=400)

    assert world.events(organization, "app.created") == []


def test_going_back_keeps_client_type_and_urls(dana):
    at_scopes(dana, clientProof="private_key_jwt")
    review = dana.submit(f"{WIZARD}/review", {"scope": list(SCOPES)})
    about = dana.post(f"{WIZARD}/about", review.values(review.forms(WIZARD)[0]))
    kept = about.values(about.forms(WIZARD)[0])

    assert kept["clientProof"] == ["private_key_jwt"]
    assert kept["redirectUrls"][0].split() == ABOUT["redirectUrls"].split()
    assert kept["scope"] == list(SCOPES)


def test_the_whole_catalogue_can_be_chosen_and_says_who_can_allow_it(dana):
    page = at_scopes(dana)
    boxes = [box for box in page.all("input") if box.get("name") == "scope"]

    names = [box.get("value") for box in boxes]

    assert set(names) == set(catalogue())
    assert names.index("spark:people_read") < names.index("spark-admin:people_read")
    assert all(box.get("disabled") is None for box in boxes)
    for note in (
        "Only administrators can allow it.",
        "Only a Compliance Officer can allow it.",
        "Needs no registration: every Integration can ask for it.",
        "Every person, for themselves",
    ):
        assert note in page.text


def test_an_integration_has_more_room_for_scopes_and_a_limit_too(dana):
    at_scopes(dana)
    page = dana.submit(f"{WIZARD}/review", {"scope": list(catalogue())}, status=422)

    assert "of 2000 characters. Remove at least" in page.text
    assert "of 2000 characters" in dana.submit(f"{WIZARD}/review", {"scope": list(catalogue())[:50]}).text


def test_my_apps_say_where_an_integration_stands(dana, world, developer, made):
    integration(world, developer, name="Signing App", client_proof=ClientProof.KEY)
    page = dana.get("/portal/apps?type=integration")

    assert "Nobody has connected it yet" in page.text
    assert "No key yet" in page.text

    people = [world.person(world.organization()) for _ in range(2)]
    for person in people:
        allow(world, made.app, person)

    assert "2 people connected" in dana.get("/portal/apps").text
    assert "2 people connected" in dana.get(made.path).text


def test_every_page_of_an_integration_shows(dana, made):
    for path in PAGES:
        assert dana.get(made.path + path).heading == "Desk Booking"


def test_hostile_texts_are_only_texts(dana, world, developer):
    made = integration(
        world, developer, name=HOSTILE, description=HOSTILE, redirect_urls=[f"{CALLBACK}?x='%22"]
    )
    allow(world, made.app, world.person(world.organization(HOSTILE), name=HOSTILE))

    for path in PAGES:
        page = dana.get(made.path + path)

        assert page.heading == HOSTILE
        assert "<script>alert" not in page.html


def test_pages_of_the_other_kind_do_not_exist(dana, world, developer, made):
    service_app = world.service_app(developer)

    for path in ("/orgs", "/authorization", f"/orgs/{made.app.organization_id}/tokens"):
        dana.get(made.path + path, status=404)
    for path in ("/connections", "/try"):
        dana.get(f"/portal/apps/{service_app.id}{path}", status=404)


def test_somebody_elses_integration_does_not_exist(dana, world, organization):
    theirs = integration(world, world.developer(organization), name="Theirs")
    page = dana.get("/portal/apps")
    token = page.values(page.forms("/logout")[0])["csrf"]

    for path in PAGES:
        assert "Theirs" not in dana.get(theirs.path + path, status=404).html
    for path in FORMS:
        dana.post(theirs.path + path, {"csrf": token, "clientProof": "none", "confirm": "Theirs"}, status=404)

    assert [one.type for one in world.events(organization) if one.app_id == theirs.app.id] == ["app.created"]


def test_a_form_without_its_token_is_refused(dana, world, organization, made):
    """CONS-09."""
    for path in FORMS:
        dana.post(made.path + path, {"clientProof": "none", "confirm": "Desk Booking"}, status=403)

    assert [one.type for one in world.events(organization) if one.app_id == made.app.id] == ["app.created"]


def test_the_overview_shows_the_url_for_the_redirect_url_that_is_chosen(dana, world, developer):
    other = "http://127.0.0.1:8080/cb?a=1&b=%20"
    made = integration(world, developer, redirect_urls=[CALLBACK, other])
    dana.get(made.path)
    page = dana.client.get(made.path, params={"redirect": other}).text

    assert asked_by(field_on(dana.page, "authorization-url"))["redirect_uri"] == [CALLBACK]
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb%3Fa%3D1%26b%3D%2520" in page


def test_a_redirect_url_that_is_not_registered_is_not_put_into_the_url(dana, made):
    dana.get(f"{made.path}?redirect=https://evil.example/")

    assert asked_by(field_on(dana.page, "authorization-url"))["redirect_uri"] == [CALLBACK]


def test_an_app_that_pushes_its_requests_is_told_so(dana, made):
    dana.get(f"{made.path}/settings")
    dana.submit(f"{made.path}/settings/rules", {"pushed": "on"})

    assert "takes pushed requests only" in dana.get(made.path).text


def test_connections_are_numbers_and_organizations_and_never_people(dana, world, developer, made):
    """AUD-05."""
    customer = world.organization("Fabrikam GmbH")
    people = [world.person(customer, name=f"Secret Person{n}") for n in range(3)]
    for person in (*people, developer):
        allow(world, made.app, person)
    page = dana.get(f"{made.path}/connections")

    assert "4 people connected it" in page.text
    assert page.text.count("Never") == 2
    assert "Fabrikam GmbH" in page.text
    assert "Your organization" in page.text
    for path in PAGES:
        shown = dana.get(made.path + path).html
        assert "Secret Person" not in shown
        assert all(person.email not in shown for person in people)


def test_connections_are_searched_and_turned_page_by_page(dana, world, made):
    names = [f"Customer {n:02}" for n in range(27)]
    for name in names:
        allow(world, made.app, world.person(world.organization(name)))
    first = dana.get(f"{made.path}/connections")
    second = dana.get(next(link for link in first.links() if "cursor=" in link))
    found = dana.get(f"{made.path}/connections?q=customer+07")

    assert [sum(f">{name}<" in page.html for page in (first, second)) for name in names] == [1] * 27
    assert "Customer 07" in found.text
    assert "Customer 08" not in found.text
    assert "Nothing matches these filters" in dana.get(f"{made.path}/connections?q=nobody").text


def test_the_connections_cost_the_same_statements_however_many_there_are(dana, world, made, deployment):
    """TEN-05."""

    def statements():
        seen = []

        def count(*_):
            seen.append(1)

        event.listen(deployment.database.engine, "before_cursor_execute", count)
        dana.get(f"{made.path}/connections")
        dana.get("/portal/apps")
        event.remove(deployment.database.engine, "before_cursor_execute", count)
        return len(seen)

    allow(world, made.app, world.person(world.organization()))
    before = statements()
    for _ in range(5):
        allow(world, made.app, world.person(world.organization()))

    assert statements() == before


def test_nobody_connected_says_what_the_page_is_for(dana, made):
    assert "Nobody has connected this app yet" in dana.get(f"{made.path}/connections").text


def test_the_activity_tells_what_people_did_without_who_they_are(dana, world, made):
    allow(world, made.app, world.person(world.organization("Fabrikam GmbH"), name="Secret Person"))
    page = dana.get(f"{made.path}/activity")

    assert "A person connected an app." in page.text
    assert "SomebodyFabrikam GmbH" in page.text
    assert "Dana Kim registered the app Desk Booking." in page.text


def test_urls_are_saved_one_a_line(dana, world, organization, made):
    dana.get(f"{made.path}/settings")
    urls = {
        "redirectUrls": f"{CALLBACK}\n\n https://desk.example/two ",
        "signOutUrls": "https://desk.example/bye",
    }
    page = dana.submit(f"{made.path}/settings/urls", urls)

    assert "The URLs are saved." in page.text
    (recorded,) = world.events(organization, "app.updated")
    assert recorded.data["redirectUrls"]["after"] == [CALLBACK, "https://desk.example/two"]
    assert recorded.data["signOutUrls"]["after"] == ["https://desk.example/bye"]
    activity = dana.get(f"{made.path}/activity").text
    assert "redirect URLs" in activity
    assert "sign-out URLs" in activity


@pytest.mark.parametrize(
    ("field", "urls"), [("redirectUrls", "ftp://x"), ("signOutUrls", "http://plain.example/")]
)
def test_urls_that_cannot_be_are_said_beside_the_field_and_kept(dana, world, organization, made, field, urls):
    dana.get(f"{made.path}/settings")
    page = dana.submit(f"{made.path}/settings/urls", {field: urls}, status=422)

    assert f"#f-{field}" in page.links()
    assert page.values(page.forms(f"{made.path}/settings/urls")[0])[field][0].strip() == urls
    assert world.events(organization, "app.updated") == []


def test_saving_what_it_is_leaves_urls_and_client_type_alone(dana, world, made):
    dana.get(f"{made.path}/settings")
    dana.submit(f"{made.path}/settings", {"name": "Desk Finder"})

    with world.deployment.transaction(world.origin) as tx:
        app = apps.get_app(tx, made.app.id)
        assert (app.name, app.redirect_urls, app.client_proof) == ("Desk Finder", [CALLBACK], "client_secret")


def test_who_saved_urls_meanwhile_is_shown_beside_the_own_ones(dana, made, new_browser, developer):
    other = new_browser().sign_in(developer)
    other.get(f"{made.path}/settings")
    dana.get(f"{made.path}/settings")
    dana.submit(f"{made.path}/settings/urls", {"redirectUrls": "https://theirs.example/"})
    page = other.submit(f"{made.path}/settings/urls", {"redirectUrls": "https://mine.example/"}, status=409)

    assert "Saved meanwhile" in page.text
    assert "https://theirs.example/" in page.text


def test_a_service_app_has_no_urls_to_save(dana, world, developer):
    service_app = world.service_app(developer)
    page = dana.get(f"/portal/apps/{service_app.id}/settings")
    token = page.values(page.forms("/logout")[0])["csrf"]

    assert page.forms(f"/portal/apps/{service_app.id}/settings/urls") == []
    dana.post(f"/portal/apps/{service_app.id}/settings/urls", {"csrf": token}, status=404)


def test_strict_mode_is_switched_on_and_off_for_one_app(dana, world, organization, made):
    path = f"{made.path}/settings/rules"
    dana.get(f"{made.path}/settings")
    dana.submit(path, {"strict": "on"})

    assert dana.page.values(dana.page.forms(path)[0])["strict"] == ["on"]
    assert "code_challenge_method=S256" in dana.get(made.path).text

    dana.get(f"{made.path}/settings")
    dana.submit(path, without=["strict"])
    dana.submit(path)
    recorded = [one.data["strict"]["after"] for one in world.events(organization, "app.updated")]

    assert recorded == [True, False]


def test_a_service_app_may_be_strict_and_pushes_nothing(dana, world, organization, developer):
    service_app = world.service_app(developer, requested=False)
    dana.get(f"/portal/apps/{service_app.id}/settings")
    dana.submit(f"/portal/apps/{service_app.id}/settings/rules", {"strict": "on", "pushed": "on"})

    (recorded,) = world.events(organization, "app.updated")
    assert set(recorded.data) == {"strict"}


def test_a_strict_deployment_leaves_nothing_to_switch_off(database_url, world, developer, made):
    strict = deployment_for(database_url, "http://localhost:8080", strict=True)
    try:
        dana = browser_of(strict).sign_in(developer)
        page = dana.get(f"{made.path}/settings")

        assert "Strict mode is on for every app" in page.text
        assert "strict" not in page.values(page.forms(f"{made.path}/settings/rules")[0])
        assert "code_challenge_method=S256" in dana.get(made.path).text
    finally:
        strict.database.dispose()


def test_added_scopes_wait_for_nobody_and_removed_ones_stop(dana, world, made):
    allow(world, made.app, world.person(world.organization()))
    dana.get(f"{made.path}/scopes")
    page = dana.submit(f"{made.path}/scopes", {"scope": ["spark:people_read", "spark:rooms_write"]})

    assert "What was removed stopped working at once." in page.text
    assert "People are asked for what was added" in page.text
    assert "must approve" not in page.text


def test_deleting_says_how_many_people_lose_it(dana, world, organization, made):
    allow(world, made.app, world.person(world.organization("Fabrikam GmbH"), name="Secret Person"))
    page = dana.get(f"{made.path}/delete")

    assert "1 person loses the app" in page.text
    assert "Fabrikam GmbH" in page.text

    dana.submit(f"{made.path}/delete", {"confirm": "Desk Booking"})

    assert len(world.events(organization, "app.deleted")) == 1
    dana.get(made.path, status=404)


def test_a_suspended_integration_says_so(dana, world, made):
    with world.deployment.transaction(world.origin) as tx:
        apps.get_app(tx, made.app.id).suspended_at = tx.now

    assert "This app is suspended" in dana.get(made.path).text


def test_roles_that_scopes_need_are_named_before_they_are_chosen(dana, world, developer):
    made = integration(
        world, developer, scopes=["spark-admin:people_write", "spark-compliance:messages_read"]
    )
    page = dana.get(f"{made.path}/scopes")

    assert "Only administrators can allow it. Only a Compliance Officer can allow it." in page.text
    assert Role.COMPLIANCE_OFFICER.label in page.text
