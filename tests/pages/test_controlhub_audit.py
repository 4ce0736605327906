"""The audit log in the administrators' console, and its export."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from appanage import events
from appanage.directory.model import Account, Organization
from support.browser import Browser, Shown
from support.clock import MovableClock
from support.world import World

HOSTILE_NAMES = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"]


def happen(
    world: World, organization: Organization, name: str = "Somebody", *, times: int = 1, **data: object
) -> None:
    """Something of no consequence, for the record."""
    with world.deployment.transaction(world.origin) as tx:
        for _ in range(times):
            events.record(
                tx,
                "account.updated",
                organization_id=organization.id,
                actor=events.Actor(
                    name, kind="person", organization_id=organization.id, roles=("Full Administrator",)
                ),
                target=organization.as_target(),
                data=data,
            )


def kinds_on(shown: Shown) -> list[str]:
    """What the rows say happened."""
    return ["".join(span.itertext()) for span in shown.all("span") if span.get("class") == "strong"]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def test_a_decision_is_shown_with_who_made_it_on_what_and_from_where(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)

    shown = browser.sign_in(admin).get("/hub/audit?event=authorization.created")

    assert kinds_on(shown) == ["A service app was authorized"]
    assert f"Priya Raman authorized {made.app.name} for {organization.name}." in shown.text
    assert "Full Administrator" in shown.text
    assert world.origin.tracking_id in shown.text
    assert "spark-admin:people_write" in shown.text
    assert "UTC" in shown.text


def test_details_tell_what_was_and_what_became_of_it(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    happen(world, organization, displayName={"before": "Dana Kim", "after": None}, note="", isNew=True)

    shown = browser.sign_in(admin).get("/hub/audit?event=account.updated")

    assert "Display name" in shown.text
    assert "Dana Kim → nothing" in shown.text
    assert "Is newyes" in shown.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("event=authorization.requested", {"Authorization of a service app was requested"}),
        ("event=TOKENS", {"Tokens were retrieved"}),
        ("q=narrator", {"An organization was created", "An account was created", "A password was set"}),
        ("q=priya+authorized", set()),
        ("event=LOGINS&q=priya", {"A person signed in"}),
    ],
)
def test_filters_narrow_the_log(
    world: World, browser: Browser, organization: Organization, admin: Account, query: str, expected: set[str]
):
    made = world.service_app(world.developer(organization))
    world.authorize(made, admin)
    world.retrieve(made, organization)
    browser.sign_in(admin)

    assert set(kinds_on(browser.get(f"/hub/audit?{query}"))) == expected


def test_the_log_of_one_person_is_reached_from_their_page(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    world.service_app(world.developer(organization, name="Dana Kim"))
    browser.sign_in(admin).get(f"/hub/users/{admin.id}")
    assert browser.page is not None
    (address,) = [link for link in browser.page.links() if link.startswith("/hub/audit?actor=")]

    shown = browser.get(address)

    assert "Only what Priya Raman did" in shown.text
    assert kinds_on(shown) == ["A person signed in"]


def test_a_period_ends_where_it_is_said_to_end(
    world: World, browser: Browser, organization: Organization, admin: Account, clock: MovableClock
):
    long_ago = datetime.now(UTC) - timedelta(days=40)
    clock.advance(days=-40)
    happen(world, organization, "Forty Days")
    clock.advance(days=30)
    happen(world, organization, "Ten Days")
    clock.advance(days=10)
    browser.sign_in(admin)

    def names(query: str) -> set[str]:
        text = browser.get(f"/hub/audit?event=account.updated&{query}").text
        return {name for name in ("Forty Days", "Ten Days") if name in text}

    assert names("") == set()
    assert names("period=30") == {"Ten Days"}
    assert names("period=365") == {"Forty Days", "Ten Days"}
    assert names(f"period=custom&from={day(long_ago)}&to={day(long_ago)}") == {"Forty Days"}
    assert names(f"period=custom&from={day(long_ago + timedelta(days=1))}") == {"Ten Days"}
    assert names("period=custom") == {"Forty Days", "Ten Days"}


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        ("from=2026-02-30", "That is not a date."),
        ("to=yesterday", "That is not a date."),
        ("to=9999-12-31", "That is not a date."),
        ("from=2026-02-02&to=2026-02-01", "The last day is before the first."),
    ],
)
def test_dates_that_are_none_are_explained_beside_the_field(
    browser: Browser, admin: Account, dates: str, sentence: str
):
    browser.sign_in(admin)

    assert sentence in browser.get(f"/hub/audit?period=custom&{dates}", 422).text
    assert browser.client.get(f"/hub/audit.csv?period=custom&{dates}").status_code == 400


def test_when_nothing_matches_the_filters_can_be_cleared(browser: Browser, admin: Account):
    shown = browser.sign_in(admin).get("/hub/audit?q=zzz")

    assert "Nothing matches these filters" in shown.text
    assert "/hub/audit" in shown.links()


def test_the_log_is_turned_page_by_page_with_its_filters(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    happen(world, organization, times=27)
    browser.sign_in(admin)

    first = browser.get("/hub/audit?event=account.updated")
    (following,) = [link for link in first.links() if "cursor=" in link]
    second = browser.get(following)

    assert (len(kinds_on(first)), len(kinds_on(second))) == (25, 2)
    assert set(kinds_on(second)) == {"An account was changed"}
    browser.get("/hub/audit?cursor=forged", 400)


def test_another_organization_s_events_are_not_in_the_log(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    happen(world, world.organization(), "Stranger Abroad")
    browser.sign_in(admin)

    assert "Stranger Abroad" not in browser.get("/hub/audit").text
    assert "Stranger Abroad" not in browser.client.get("/hub/audit.csv").text


def test_the_export_has_every_event_of_the_filters_on_screen(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    happen(world, organization, times=1203)
    happen(world, organization, "The Last One")
    shown = browser.sign_in(admin).get("/hub/audit?event=account.updated")
    (export,) = [link for link in shown.links() if link.startswith("/hub/audit.csv")]

    response = browser.client.get(export)
    rows = rows_of(response.text)

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith('attachment; filename="audit-')
    assert len(rows) == 1204
    assert rows[0]["actor_name"] == "The Last One"
    assert rows[0]["event_category"] == "USERS"
    assert rows[0]["tracking_id"] == world.origin.tracking_id
    assert rows[0]["admin_roles"] == "Full Administrator"
    assert rows[0]["target_org_id"] == str(organization.id)
    assert datetime.fromisoformat(rows[0]["timestamp"]).utcoffset() == timedelta(0)
    assert list(rows[0])[:4] == ["timestamp", "action_text", "tracking_id", "event_category"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_cell_of_the_export_is_a_formula(
    world: World, browser: Browser, organization: Organization, admin: Account, name: str
):
    happen(world, organization, name)
    browser.sign_in(admin)

    (row,) = rows_of(browser.client.get("/hub/audit.csv?event=account.updated").text)

    assert row["actor_name"] == f"'{name}"
    assert row["action_text"].startswith(f"'{name} changed")


def test_every_cell_of_the_export_is_quoted(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    """A spreadsheet that splits at semicolons finds no formula behind one."""
    happen(world, organization, "Dana;=1+1")
    browser.sign_in(admin)

    header, line, _ = browser.client.get("/hub/audit.csv?event=account.updated").text.split("\r\n")

    assert header.startswith('"timestamp","action_text",')
    assert ',"Dana;=1+1",' in line


def test_the_export_writes_no_event_of_its_own(
    world: World, browser: Browser, organization: Organization, admin: Account
):
    browser.sign_in(admin)
    before = len(world.events(organization))

    browser.client.get("/hub/audit.csv")

    assert len(world.events(organization)) == before
