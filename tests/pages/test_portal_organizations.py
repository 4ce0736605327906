"""Org authorizations: who authorized an app, and the tokens for them."""

import uuid
from dataclasses import replace

import pytest

from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.drafts import draft_of
from support.asking import share
from support.world import PEOPLE_SCOPES


@pytest.fixture
def authorized_by(world, made):
    """The app is sent to an organization, which authorizes it."""

    def authorize(organization):
        admin = world.full_admin(organization, name="Omar Haddad")
        share(world, made, organization)
        world.authorize(made, admin)
        return admin

    return authorize


@pytest.fixture
def contoso(world, authorized_by):
    organization = world.organization("Contoso Health")
    authorized_by(organization)
    return organization


def path_of(made):
    return f"/portal/apps/{made.id}/orgs"


def value_of(page, name):
    return next(field.get("value") for field in page.all("input") if field.get("id") == name)


def listed(page, *names):
    """Which of these are in the table of organizations that authorized the app."""
    tables = ("".join(one.itertext()) for one in page.all("table"))
    table = next(one for one in tables if "Organizations that authorized this app" in one)
    return [name for name in names if name in table]


def change_scopes(world, made, scopes):
    with world.deployment.transaction(world.origin) as tx:
        app = apps.get_owned(tx, made.developer, made.id)
        draft = draft_of(app)
        app_service.update(tx, app, replace(draft, scopes=scopes), by=made.developer)


def test_before_anybody_authorized_the_page_says_what_will_be_there(dana, made):
    page = dana.get(path_of(made))

    assert "No organization authorized this app yet" in page.text
    assert f"/portal/apps/{made.id}/authorization" in page.links()


def test_organizations_are_found_by_name_and_by_both_forms_of_their_id(
    dana, made, world, authorized_by, contoso
):
    authorized_by(world.organization("Fabrikam GmbH"))

    for search in ("contoso", str(contoso.id), world.organization_id(contoso)):
        page = dana.get(f"{path_of(made)}?q={search}")

        assert listed(page, "Contoso Health", "Fabrikam GmbH") == ["Contoso Health"]

    assert "Nothing matches these filters" in dana.get(f"{path_of(made)}?q={uuid.uuid4()}").text


def test_organizations_are_filtered_by_state(dana, made, world, authorized_by):
    pending, current, gone = (world.organization(name) for name in ("Pending AG", "Current AG", "Gone AG"))
    authorized_by(pending)
    world.deauthorize(made, authorized_by(gone))
    change_scopes(world, made, [*PEOPLE_SCOPES, "spark-admin:licenses_read"])
    authorized_by(current)

    for state, name, note in (
        ("pending", "Pending AG", "2 of 3 scopes"),
        ("authorized", "Current AG", "3 of 3 scopes"),
        ("deauthorized", "Gone AG", "by Omar Haddad"),
    ):
        page = dana.get(f"{path_of(made)}?state={state}")

        assert listed(page, "Pending AG", "Current AG", "Gone AG") == [name]
        assert note in page.text


def test_long_lists_of_organizations_are_turned_page_by_page(dana, made, world, authorized_by):
    for number in range(27):
        authorized_by(world.organization(f"Customer {number:02}"))
    first = dana.get(path_of(made))
    second = dana.get(next(link for link in first.links() if "cursor=" in link))

    shown = [
        f"Customer {number:02}"
        for page in (first, second)
        for number in range(27)
        if f'<span class="strong">Customer {number:02}</span>' in page.html
    ]

    assert sorted(shown) == [f"Customer {number:02}" for number in range(27)]


def test_tokens_are_retrieved_and_shown_once(dana, made, world, contoso):
    dana.get(path_of(made))
    page = dana.submit(f"{path_of(made)}/", {"secret": f"  {made.secret[:20]}\n{made.secret[20:]} "})
    access, refresh = value_of(page, "access-token"), value_of(page, "refresh-token")

    assert "Save the tokens for Contoso Health now" in page.text
    assert page.text.count("Expires ") == 2
    assert refresh.startswith("apn_rt_")
    assert page.response.headers["cache-control"] == "no-store"
    me = dana.client.get("/v1/people/me", headers={"Authorization": f"Bearer {access}"})
    assert me.status_code == 200

    again = dana.get(str(page.response.url))

    assert "These tokens were shown already" in again.text
    assert access not in again.html
    assert refresh not in again.html
    assert len(world.events(contoso, "tokens.retrieved")) == 1


def test_the_chosen_organization_is_the_one_that_tokens_are_for(dana, made, world, authorized_by, contoso):
    authorized_by(world.organization("Fabrikam GmbH"))

    assert "Retrieve tokens for Fabrikam GmbH" in dana.get(path_of(made)).text

    page = dana.get(f"{path_of(made)}?org={contoso.id}")

    assert "Retrieve tokens for Contoso Health" in page.text
    assert page.forms(f"{path_of(made)}/{contoso.id}/tokens")


def test_a_damaged_secret_is_told_from_a_wrong_one(dana, made, world, contoso, organization):
    damaged = {
        made.secret[:-6]: "That secret is incomplete or mistyped. Select all of it and paste it again.",
        made.secret[:-1] + "#": "That secret is incomplete or mistyped.",
        "hunter2": "That is not a client secret: one begins with apn_cs_.",
        "": "Enter the client secret.",
        "<script>alert(1)</script>": "That is not a client secret",
    }
    dana.get(path_of(made))

    for secret, sentence in damaged.items():
        page = dana.submit(f"{path_of(made)}/", {"secret": secret}, status=422)

        assert sentence in page.text
        assert "#f-secret" in page.links()
        assert "<script>alert" not in page.html
    assert len(world.events(organization, "tokens.refused")) == len(damaged)


def test_another_apps_secret_says_which_one_was_expected(dana, made, world, contoso):
    other = world.service_app(made.developer)
    dana.get(path_of(made))
    page = dana.submit(f"{path_of(made)}/", {"secret": other.secret}, status=422)

    assert f"The current one ends in {made.secret[-4:]}." in page.text
    assert other.secret not in page.html


def test_a_refused_retrieval_keeps_the_filters_of_the_list(dana, made, contoso):
    dana.get(f"{path_of(made)}?q=contoso&state=authorized")
    page = dana.submit(f"{path_of(made)}/", {"secret": "hunter2"}, status=422)
    filters = page.values(page.forms(path_of(made))[0])

    assert (filters["q"], filters["state"]) == (["contoso"], ["authorized"])


def test_tokens_for_an_organization_that_did_not_authorize_are_refused(dana, made, world, contoso):
    stranger = world.organization("Stranger AG")
    page = dana.get(path_of(made))
    form = {"csrf": page.values(page.forms("/logout")[0])["csrf"], "secret": made.secret}

    page = dana.post(f"{path_of(made)}/{stranger.id}/tokens", form, status=403)

    assert "This organization has not authorized" in page.text
    assert "Stranger AG" not in page.text


def test_retrieving_is_throttled(dana, made, contoso, deployment):
    dana.get(path_of(made))
    for _ in range(deployment.settings.client_failures_per_client):
        dana.submit(f"{path_of(made)}/", {"secret": "hunter2"}, status=422)
    page = dana.submit(f"{path_of(made)}/", {"secret": made.secret}, status=429)

    assert "Too many attempts. Try again after" in page.text
    assert int(page.response.headers["retry-after"]) > 0


def test_retrieving_needs_the_forms_token(dana, made, world, contoso):
    dana.post(f"{path_of(made)}/{contoso.id}/tokens", {"secret": made.secret}, status=403)

    assert world.events(contoso, "tokens.retrieved") == []


def test_the_tokens_of_somebody_elses_app_are_out_of_reach(dana, world, organization):
    theirs = world.service_app(world.developer(organization))
    world.authorize(theirs, world.full_admin(organization))
    path = f"/portal/apps/{theirs.id}/orgs/{organization.id}/tokens"
    page = dana.get("/portal/apps")
    token = page.values(page.forms("/logout")[0])["csrf"]

    dana.post(path, {"csrf": token, "secret": theirs.secret}, status=404)
    dana.get(path, status=404)
