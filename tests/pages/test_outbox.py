"""The Outbox: for the operator, and in the demonstration for everybody."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from appanage.app import create_app
from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.mail.model import Letter
from appanage.signin import service as signin
from support.browser import Browser
from support.refusals import counted_statements
from support.world import NARRATOR, PASSWORD, World


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own, with no letters but ours."""
    return new_prepared_database()


@pytest.fixture
def operator(world: World) -> Account:
    return with_password(world, world.operators(Role.OPERATOR))


def with_password(world: World, account: Account) -> Account:
    passwords = world.deployment.passwords
    with world.deployment.transaction(world.origin) as tx:
        signin.set_password(tx, account, PASSWORD, by=NARRATOR, passwords=passwords)
    return account


@pytest.fixture
def written(world: World) -> dict[str, Letter]:
    """One letter of each state, by its subject."""
    with world.deployment.transaction(world.origin) as tx:
        tx.query(Letter).delete()
        states: dict[str, dict[str, Any]] = {
            "One that waits": {"next_attempt_at": tx.now, "failure": "450 later", "attempts": 1},
            "One that was sent": {"sent_at": tx.now},
            "One that was given up": {"failure": "550 no such person", "attempts": 1},
            "One that is kept": {},
        }
        made = {
            subject: Letter(
                id=uuid.uuid4(),
                about=subject,
                address=f"{number}@northwind.example",
                name="Priya <b>Raman</b>",
                subject=subject,
                body="Read this.\n\n> <script>alert(1)</script>\n",
                written_at=tx.now,
                **state,
            )
            for number, (subject, state) in enumerate(states.items())
        }
        tx.add_all(made.values())
    return made


def test_the_operator_sees_what_was_written_and_what_became_of_it(
    browser: Browser, operator: Account, written: dict[str, Letter]
):
    browser.sign_in(operator)
    page = browser.get("/operations/mail")

    for subject, state in zip(written, ("Waiting", "Sent", "Given up", "Not sent"), strict=True):
        assert re.search(rf"{subject} Priya <b>Raman</b>\d@northwind.example {state}", page.text)
    assert "550 no such person" in page.text
    assert "Nothing is sent from here" in page.text


def test_letters_are_found_by_state_and_by_words(
    browser: Browser, operator: Account, written: dict[str, Letter]
):
    browser.sign_in(operator)

    def shown(query: str) -> set[str]:
        page = browser.get(f"/operations/mail?{query}")
        return {subject for subject in written if subject in page.text}

    assert shown("state=failed") == {"One that was given up"}
    assert shown("state=kept") == {"One that is kept"}
    assert shown("state=sent") == {"One that was sent"}
    assert shown("state=waiting") == {"One that waits"}
    assert shown("q=2%40northwind+given") == {"One that was given up"}
    assert shown("state=nonsense") == set(written)
    assert shown("q=nobody") == set()
    assert "Nothing matches these filters" in browser.get("/operations/mail?q=nobody").text


def test_a_letter_is_shown_as_the_text_that_it_is(
    browser: Browser, operator: Account, written: dict[str, Letter]
):
    browser.sign_in(operator)
    browser.get("/operations/mail?state=failed")
    page = browser.get(f"/operations/mail/{written['One that was given up'].id}")

    assert page.heading.startswith("One that was given up")
    assert "> <script>alert(1)</script>" in page.text
    assert "550 no such person" in page.text
    assert "/operations/mail" in page.links()
    browser.get(f"/operations/mail/{uuid.uuid4()}", status=404)


def test_pages_follow_each_other_and_cost_the_same(
    browser: Browser, operator: Account, world: World, written: dict[str, Letter]
):
    browser.sign_in(operator)
    with counted_statements(world) as few:
        browser.get("/operations/mail")
    with world.deployment.transaction(world.origin) as tx:
        for number in range(60):
            row = {"address": f"{number}@fabrikam.example", "name": "Dana Kim", "body": "Text.\n"}
            tx.add(Letter(about=f"page:{number}", subject=f"Number {number}", written_at=tx.now, **row))
    with counted_statements(world) as many:
        page = browser.get("/operations/mail")
    seen: set[str] = set(re.findall(r"Number \d+", page.text))
    while following := [link for link in page.links() if "cursor=" in link]:
        page = browser.get(following[-1])
        fresh = set(re.findall(r"Number \d+", page.text))
        assert not fresh & seen
        seen |= fresh

    assert len(seen) == 60
    assert len(many) == len(few)
    browser.get("/operations/mail?cursor=nonsense", status=400)


def test_for_everybody_else_there_is_no_outbox(
    new_browser: Callable[[], Browser], world: World, admin: Account, written: dict[str, Letter]
):
    """The letters are of all organizations: also for a reviewer of the operator, and for administrators elsewhere."""
    letter = written["One that is kept"].id
    for viewer in (admin, with_password(world, world.operators(Role.APP_REVIEWER, Role.FULL_ADMIN))):
        visitor = new_browser().sign_in(viewer)
        for path in ("/operations/mail", f"/operations/mail/{letter}", "/outbox", f"/outbox/{letter}"):
            assert "One that" not in visitor.get(path, status=404).text


@pytest.fixture
def demonstration(new_deployment: Callable[..., Deployment]) -> Iterator[Browser]:
    made = create_app(new_deployment(demo=True))
    with TestClient(made, base_url="http://localhost:8080", follow_redirects=True) as client:
        yield Browser(client)


def test_in_the_demonstration_everybody_reads_all_letters(
    demonstration: Browser, lena: Account, written: dict[str, Letter], browser: Browser
):
    away: Any = demonstration.client.get("/outbox", follow_redirects=False)
    demonstration.sign_in(lena)
    page = demonstration.get("/portal/apps")
    assert "/outbox" in page.links()
    listed = demonstration.get("/outbox")
    shown = demonstration.get(f"/outbox/{written['One that is kept'].id}")

    assert away.status_code == 303
    assert "One that was sent" in listed.text
    assert shown.heading.startswith("One that is kept")
    assert "/outbox" not in browser.sign_in(lena).get("/portal/apps").links()


def test_metrics_tell_how_many_letters_wait_were_sent_and_failed(
    new_deployment: Callable[..., Deployment], written: dict[str, Letter]
):
    made = create_app(new_deployment(metrics_for=["unknown"]))
    with TestClient(made, base_url="http://localhost:8080") as client:
        told = client.get("/metrics").text

    for state in ("waiting", "sent", "failed", "kept"):
        assert f'appanage_letters{{state="{state}"}} 1.0' in told
