"""Personal access tokens on a person's own pages."""

import uuid
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from appanage.authorizations import personal_tokens
from appanage.authorizations.model import PersonalToken
from appanage.deployment import assemble
from appanage.directory import queries as directory
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.secrets import Prefix, is_well_formed
from support.at_once import at_once
from support.browser import Browser, Shown, text_of
from support.live import settings_for
from support.refusals import whole_database
from support.world import NARRATOR, PASSWORD

LIST = "/account/tokens"
NEW = f"{LIST}/new"
HOUR = timedelta(hours=1)


@pytest.fixture
def calling_from(client):
    """Clients at other addresses."""
    return lambda address: TestClient(client.app, base_url=str(client.base_url), client=(address, 40000))


def make(browser: Browser, status: int = 200, **fields: str | list[str]) -> Shown:
    """Sends the form; what is not named stays as the page proposes it."""
    browser.get(NEW)
    return browser.submit(NEW, fields, status=status)


def token_on(page: Shown) -> str:
    found = [field.get("value", "") for field in page.all("input") if field.get("id") == "access-token"]
    assert len(found) == 1
    return found[0]


def answer_to(browser: Browser, token: str) -> int:
    return browser.client.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).status_code


def rows(page: Shown) -> list[str]:
    return [text_of(row) for row in page.all("tr")[1:]]


def create(world, person, **options):
    with world.deployment.transaction(world.origin) as tx:
        fresh = directory.get_account(tx, person.organization_id, person.id)
        return personal_tokens.create(
            tx, fresh, by=NARRATOR, **({"lifetime": HOUR, "longest": 12 * HOUR} | options)
        )


def test_nobody_has_a_token_at_first(browser, lena):
    page = browser.sign_in(lena).get(LIST)

    assert "You have no token" in page.text
    assert NEW in page.links()


def test_a_new_token_works_for_as_long_as_was_chosen(browser, lena, clock):
    """SES-07."""
    token = token_on(make(browser.sign_in(lena), lifetime="7200"))

    assert is_well_formed(token, Prefix.PERSONAL_TOKEN)
    assert answer_to(browser, token) == 200
    clock.advance(hours=2, seconds=-5)
    assert answer_to(browser, token) == 200
    clock.advance(seconds=5)
    assert answer_to(browser, token) == 401


def test_the_longest_life_is_proposed_and_is_twelve_hours(browser, lena, clock):
    page = browser.sign_in(lena).get(NEW)
    words = [text_of(option) for option in page.all("option")]
    token = token_on(make(browser))

    assert words == ["1 hour", "2 hours", "4 hours", "8 hours", "12 hours"]
    clock.advance(hours=12, seconds=-5)
    assert answer_to(browser, token) == 200
    clock.advance(seconds=5)
    assert answer_to(browser, token) == 401


def test_a_token_is_shown_once_and_nowhere_again(browser, world, lena, organization):
    """CRED-02."""
    page = make(browser.sign_in(lena), label="Night script")
    token = token_on(page)
    address = str(page.response.url)

    assert page.response.headers["cache-control"] == "no-store"
    assert f"curl {world.deployment.settings.base_url}/v1/people/me" in page.text

    again = browser.get(address)

    assert "This token was shown already" in again.text
    for path in (address, LIST, NEW, "/account"):
        assert token not in browser.get(path).html
    assert token not in whole_database(world)
    assert token not in str([vars(event) for event in world.events(organization)])


def test_the_page_of_a_token_opens_in_no_other_browser(browser, new_browser, lena):
    browser.sign_in(lena).get(NEW)
    sent = browser.page.values(browser.page.forms(NEW)[0])
    address = browser.client.post(NEW, data=sent, follow_redirects=False).headers["location"]

    assert "This token was shown already" in new_browser().sign_in(lena).get(address).text
    assert token_on(browser.get(address)).startswith("apn_pat_")


def test_tokens_are_listed_with_what_matters_the_newest_first(browser, world, lena, clock, calling_from):
    browser.sign_in(lena)
    token = token_on(make(browser, label="  Night script "))
    answer_to(Browser(calling_from("203.0.113.7")), token)
    clock.advance(minutes=2)
    create(world, lena, scopes=["spark:people_read"])
    newest, oldest = rows(browser.get(LIST))

    assert "Without a name" in newest
    assert f"by {NARRATOR.name}" in newest
    assert "Never" in newest
    assert oldest.startswith(f"Night scriptends in …{token[-4:]}")
    assert "by Lena Vogt" in oldest
    assert "2 min agofrom 203.0.113.7" in oldest


def test_what_has_expired_is_not_listed(browser, world, lena, clock):
    create(world, lena)
    clock.advance(hours=1)

    assert "You have no token" in browser.sign_in(lena).get(LIST).text


def test_a_revoked_token_is_dead_at_once(browser, world, lena, organization):
    token = token_on(make(browser.sign_in(lena), label="Night script"))
    before = answer_to(browser, token)
    browser.get(LIST)
    page = browser.get(next(link for link in browser.page.links() if link.endswith("/revoke")))

    assert page.heading == f"Revoke the token that ends in {token[-4:]}?"

    page = browser.submit(LIST)

    assert f"The token that ends in {token[-4:]} is revoked." in page.text
    assert (before, answer_to(browser, token)) == (200, 401)
    (event,) = world.events(organization, "personal_token.revoked")
    assert (event.actor_name, event.target_name) == ("Lena Vogt", "Lena Vogt")
    assert event.data["endsIn"] == token[-4:]


def test_a_repeated_revocation_changes_nothing(browser, world, lena, organization):
    create(world, lena)
    browser.sign_in(lena).get(LIST)
    address = next(link for link in browser.page.links() if link.endswith("/revoke"))
    browser.get(address)
    sent = browser.page.values(browser.page.forms(LIST)[0])
    browser.submit(LIST)
    browser.post(address, sent, status=404)
    with world.deployment.transaction(world.origin) as tx:
        (row,) = tx.query(PersonalToken).filter_by(account_id=lena.id)
        ended_at = row.revoked_at
        personal_tokens.revoke(tx, row, by=NARRATOR)
        tx.refresh(row)

        assert row.revoked_at == ended_at
    assert len(world.events(organization, "personal_token.revoked")) == 1


def test_nobody_sees_or_ends_the_token_of_somebody_else(browser, world, lena, organization):
    """CONS-12."""
    secret = create(world, lena, label="Night script").reveal()
    with world.deployment.transaction(world.origin) as tx:
        token_id = personal_tokens.list_live(tx, lena)[0].id
    browser.sign_in(world.full_admin(organization, password=PASSWORD))
    csrf = browser.get("/account").values(browser.page.forms("/logout")[0])["csrf"]

    assert "Night script" not in browser.get(LIST).text
    for address in (f"{LIST}/{token_id}/revoke", f"{LIST}/{uuid.uuid4()}/revoke", f"{LIST}/nonsense/revoke"):
        browser.get(address, status=404)
        browser.post(address, {"csrf": csrf}, status=404)
    assert answer_to(browser, secret) == 200


def test_a_token_may_do_only_what_was_chosen(browser, world, organization):
    admin = world.full_admin(organization, password=PASSWORD)
    page = make(browser.sign_in(admin), power="chosen", scope=["spark:rooms_read", "spark:people_read"])
    headers = {"Authorization": f"Bearer {token_on(page)}"}

    assert browser.client.get("/v1/people/me", headers=headers).status_code == 200
    assert browser.client.get("/v1/applications", headers=headers).status_code == 403
    with world.deployment.transaction(world.origin) as tx:
        assert personal_tokens.list_live(tx, admin)[0].scopes == ["spark:people_read", "spark:rooms_read"]


def test_scopes_are_offered_within_reach_and_the_risky_ones_say_what_they_can_do(
    browser, world, organization
):
    """CRED-13."""
    page = browser.sign_in(world.developer(organization, password=PASSWORD)).get(NEW)
    offered = {box.get("value") for box in page.all("input") if box.get("name") == "scope"}

    assert "spark:all" in offered
    assert "Does whatever the person could do, in messages, calls, and devices." in page.text
    assert not {name for name in offered if name.startswith(("spark-admin:", "spark-compliance:"))}


def test_an_administrator_is_offered_the_scopes_of_administrators(browser, world, organization):
    page = browser.sign_in(world.full_admin(organization, password=PASSWORD)).get(NEW)
    offered = {box.get("value") for box in page.all("input") if box.get("name") == "scope"}

    assert "spark-admin:people_write" in offered
    assert not {name for name in offered if name.startswith("spark-compliance:")}


def test_with_a_role_goes_at_once_what_came_with_it(browser, world, organization):
    """CRED-13: the token holds what its person could do then, and does what they can do now."""
    admin = world.person(organization, Role.FULL_ADMIN, password=PASSWORD)
    token = token_on(make(browser.sign_in(admin)))
    headers = {"Authorization": f"Bearer {token}"}
    everybody = "/v1/people?max=5"
    before = browser.client.get(everybody, headers=headers).status_code
    with world.deployment.transaction(world.origin) as tx:
        directory.get_account(tx, organization.id, admin.id).assign(frozenset())

    assert (before, browser.client.get(everybody, headers=headers).status_code) == (200, 400)
    assert answer_to(browser, token) == 200


def test_a_disabled_sign_in_disables_the_token(browser, world, lena, organization):
    """SES-08."""
    token = token_on(make(browser.sign_in(lena)))
    with world.deployment.transaction(world.origin) as tx:
        directory.get_account(tx, organization.id, lena.id).login_enabled = False

    assert answer_to(browser, token) == 401


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"lifetime": "43201"}, "Choose how long the token lives."),
        ({"lifetime": "-3600"}, "Choose how long the token lives."),
        ({"lifetime": "soon"}, "Choose how long the token lives."),
        ({"label": "x" * 81}, "A name is one line of at most 80 characters."),
        ({"label": "two\nlines"}, "A name is one line of at most 80 characters."),
        ({"power": "more"}, "Choose what the token may do."),
        ({"power": "chosen"}, "Choose at least one scope."),
        ({"power": "all", "scope": ["spark:people_read"]}, "they count only with “Only what I choose”"),
        ({"power": "chosen", "scope": ["spark-admin:people_read"]}, "cannot have the scope"),
        ({"power": "chosen", "scope": ["spark:people_read", "no:such"]}, "cannot have the scope no:such"),
    ],
)
def test_a_form_with_a_mistake_says_what_is_wrong_and_makes_nothing(
    browser, world, lena, organization, fields, sentence
):
    page = make(browser.sign_in(lena), 422, **fields)

    assert sentence in page.text
    assert world.events(organization, "personal_token.created") == []


def test_a_form_with_a_mistake_keeps_what_was_entered(browser, lena):
    chosen = ["spark:people_read", "spark:rooms_read"]
    page = make(browser.sign_in(lena), 422, label="x" * 81, lifetime="3600", power="chosen", scope=chosen)
    kept = page.values(page.forms(NEW)[0])

    assert kept["label"] == ["x" * 81]
    assert (kept["lifetime"], kept["power"], sorted(kept["scope"])) == (["3600"], ["chosen"], chosen)


def test_a_name_is_shown_as_it_was_entered(browser, lena):
    make(browser.sign_in(lena), label="<b>Ünïcode & more</b>")

    assert "<b>Ünïcode & more</b>" in browser.get(LIST).text


def test_a_form_without_its_token_makes_nothing(browser, world, lena, organization):
    browser.sign_in(lena)
    browser.post(NEW, {"csrf": "0" * 64, "lifetime": "3600", "power": "all"}, status=403)

    assert world.events(organization, "personal_token.created") == []


def test_one_person_has_at_most_twenty_tokens(browser, world, lena):
    for _ in range(personal_tokens.MOST):
        create(world, lena)
    page = make(browser.sign_in(lena), 409, label="One more")

    assert "Lena Vogt has 20 personal access tokens, which is the most there can be." in page.text
    assert page.values(page.forms(NEW)[0])["label"] == ["One more"]

    browser.get(LIST)
    browser.get(next(link for link in browser.page.links() if link.endswith("/revoke")))
    browser.submit(LIST)

    assert token_on(make(browser, label="One more")).startswith("apn_pat_")


def test_of_two_that_are_made_at_the_same_time_one_is_too_many(world, lena):
    for _ in range(personal_tokens.MOST - 1):
        create(world, lena)
    answers = at_once([lambda: create(world, lena)] * 2)

    assert sorted(isinstance(one, Conflict) for one in answers) == [False, True]


def test_shorter_lives_are_bounded_by_the_deployment(world, lena, database_url, clock):
    settings = settings_for(lifetimes={"personal_token": timedelta(minutes=90)})
    deployment = assemble(settings, database_url, clock=clock)
    try:
        with pytest.raises(Invalid, match=r"lives at most 1\.5 hours"):
            create(world, lena, lifetime=2 * HOUR, longest=deployment.settings.lifetimes.personal_token)
    finally:
        deployment.database.dispose()


def test_the_record_tells_of_a_new_token_without_the_token(world, lena, organization):
    secret = create(world, lena, label="Night script", scopes=["spark:people_read"])
    (event,) = world.events(organization, "personal_token.created")

    assert event.data["label"] == "Night script"
    assert (event.data["endsIn"], event.data["scopes"]) == (secret.last_four, 1)
    assert secret.reveal() not in str(vars(event))


def test_the_pages_are_for_signed_in_people(browser):
    for path in (LIST, NEW, f"{LIST}/created", f"{LIST}/{uuid.uuid4()}/revoke"):
        assert browser.get(path).heading == "Sign in"
