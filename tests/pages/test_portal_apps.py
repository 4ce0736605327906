"""My apps: the list, its states, and what holds for every page about an app."""

import pytest

HOSTILE = "<script>alert(1)</script> & \"quotes\" '{{ 7*7 }}'"

PAGES = (
    "",
    "/scopes",
    "/orgs",
    "/credentials",
    "/credentials/rotate",
    "/credentials/secret",
    "/credentials/type",
    "/created",
    "/activity",
    "/settings",
    "/delete",
    "/authorization",
)
FORMS = (
    "/scopes",
    "/settings",
    "/settings/logo",
    "/settings/rules",
    "/delete",
    "/authorization",
    "/credentials/rotate",
    "/credentials/type",
)


def test_a_developer_without_apps_is_led_to_the_first_one(dana):
    page = dana.get("/portal/apps")

    assert "Create your first app" in page.text
    assert "/portal/apps/new/service-app/about" in page.links()
    assert "/portal/apps/new/integration/about" in page.links()


def test_an_app_is_listed_with_where_it_stands(dana, world, developer, organization):
    made = world.service_app(developer, name="Ledger View", requested=False)

    assert "Ledger View" in dana.get("/portal/apps").text
    assert "Private" in dana.page.text

    world.list_app(made)

    assert "Everybody can find it" in dana.get("/portal/apps").text
    assert "Private" not in dana.page.text

    asked = world.service_app(developer)

    assert "Awaiting admin" in dana.get("/portal/apps").text

    admin = world.full_admin(organization)
    world.authorize(asked, admin)

    assert "Authorized by 1" in dana.get("/portal/apps").text

    world.deauthorize(asked, admin)

    assert "Deauthorized" in dana.get("/portal/apps").text
    assert f"/portal/apps/{made.id}" in dana.page.links()


def test_the_list_is_searched_by_name_and_client_id(dana, world, developer):
    ledger = world.service_app(developer, name="Ledger View")
    world.service_app(developer, name="Room Finder")

    for search in ("ledger", ledger.client_id):
        page = dana.get(f"/portal/apps?q={search}&type=service_app")

        assert "Ledger View" in page.text
        assert "Room Finder" not in page.text


def test_a_search_without_a_match_offers_to_clear_it(dana, world, developer):
    world.service_app(developer)

    page = dana.get("/portal/apps?q=nothing+like+that")

    assert "Nothing matches these filters" in page.text
    assert "/portal/apps" in page.links()


def test_long_lists_are_turned_page_by_page(dana, world, developer):
    names = {world.service_app(developer, requested=False).app.name for _ in range(27)}
    first = dana.get("/portal/apps?q=Workforce")
    following = next(link for link in first.links() if "cursor=" in link)
    second = dana.get(following)

    shown = [name for page in (first, second) for name in names if f">{name}<" in page.html]

    assert sorted(shown) == sorted(names)
    assert "/portal/apps?q=Workforce" in second.links()


@pytest.mark.parametrize("query", ["cursor=nonsense", "type=nonsense", "q=%00", "q=" + "x" * 5000])
def test_a_strange_address_is_no_failure(dana, world, developer, query):
    world.service_app(developer)

    assert dana.client.get(f"/portal/apps?{query}").status_code in {200, 400}


def test_only_ones_own_apps_are_listed(dana, world, organization):
    world.service_app(world.developer(organization), name="Somebody else's")

    assert "Create your first app" in dana.get("/portal/apps").text


def test_every_page_of_an_app_shows(dana, world, developer):
    made = world.service_app(developer, requested=False)

    for path in PAGES:
        assert dana.get(f"/portal/apps/{made.id}{path}").heading == made.app.name


def test_hostile_texts_are_only_texts(dana, world, developer, organization):
    admin = world.full_admin(organization, name=f"Priya {HOSTILE}".ljust(200, "x"))
    made = world.service_app(developer, name=HOSTILE, description=HOSTILE * 3, company_name=HOSTILE)
    world.authorize(made, admin)

    for path in PAGES:
        page = dana.get(f"/portal/apps/{made.id}{path}")

        assert page.heading == HOSTILE
        assert "<script>alert" not in page.html


def test_somebody_elses_app_does_not_exist(dana, world, organization):
    theirs = world.service_app(world.developer(organization), requested=False)

    for path in (*PAGES, "/logo"):
        page = dana.get(f"/portal/apps/{theirs.id}{path}", status=404)

        assert "There is no app with this id" in page.text
        assert theirs.app.name not in page.html


def test_nothing_is_done_to_somebody_elses_app(dana, world, organization):
    theirs = world.service_app(world.developer(organization), requested=False)
    page = dana.get("/portal/apps")
    token = page.values(page.forms("/logout")[0])["csrf"]

    for path in FORMS:
        everything = {"csrf": token, "confirm": theirs.app.name, "overlap": "0", "remove": "yes"}
        dana.post(f"/portal/apps/{theirs.id}{path}", everything, status=404)

    assert [one.type for one in world.events(organization) if one.app_id == theirs.id] == ["app.created"]


def test_a_form_without_its_token_is_refused(dana, world, developer, organization):
    made = world.service_app(developer, requested=False)

    for path in FORMS:
        everything = {"confirm": made.app.name, "overlap": "0", "remove": "yes"}
        dana.post(f"/portal/apps/{made.id}{path}", everything, status=403)

    assert [one.type for one in world.events(organization) if one.app_id == made.id] == ["app.created"]


@pytest.mark.parametrize("app_id", ["nonsense", "00000000-0000-0000-0000-000000000000", "%00"])
def test_an_app_that_never_was_is_not_found(dana, app_id):
    dana.get(f"/portal/apps/{app_id}", status=404)


def test_the_overview_says_what_to_do_next(dana, world, developer, organization):
    made = world.service_app(developer, requested=False)
    overview = f"/portal/apps/{made.id}"

    assert "Next: ask an administrator to authorize it" in dana.get(overview).text

    asked = world.service_app(developer)
    overview = f"/portal/apps/{asked.id}"

    assert "Waiting for an administrator" in dana.get(overview).text

    world.authorize(asked, world.full_admin(organization))

    assert "Next: retrieve the tokens" in dana.get(overview).text

    world.retrieve(asked, organization)
    page = dana.get(overview)

    assert "Next:" not in page.text
    assert "1 of 1 organization" in page.text
    assert asked.client_id in page.html
    assert world.app_id(asked) in page.html
    assert world.organization_id(organization) in page.html


def test_the_activity_tells_what_happened_newest_first(dana, world, developer, organization):
    made = world.service_app(developer, name="Ledger View")
    world.authorize(made, world.full_admin(organization, name="Priya Raman"))

    page = dana.get(f"/portal/apps/{made.id}/activity")

    assert page.text.index("Priya Raman authorized Ledger View for Northwind Traders.") < page.text.index(
        "Dana Kim asked Northwind Traders to authorize Ledger View."
    )


def test_nobody_sees_the_portal_without_signing_in(browser):
    wizards = ("/portal/apps/new/service-app/about", "/portal/apps/new/integration/about")
    for path in ("/portal/apps", "/portal/apps/new", *wizards, "/portal/scopes"):
        assert browser.get(path).heading == "Sign in"
