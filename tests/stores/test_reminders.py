"""Who has to decide, or loses something soon, is reminded in time and once (checklist CRED-05)."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from appanage.apps.model import App, ClientSecret
from appanage.authorizations.model import AppRuleMode, Authorization, AuthorizationRequest, RequestOrigin
from appanage.deployment import Deployment
from appanage.jobs.letters import remind
from appanage.mail import reminders
from appanage.mail.model import Letter
from support.clock import MovableClock
from support.letters import Stage, forget_letters, letters
from support.refusals import counted_statements
from support.world import World


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own, in which much time passes."""
    return new_prepared_database()


@pytest.fixture
def stage(world: World) -> Stage:
    with world.deployment.transaction(world.origin) as tx:
        tx.execute(delete(AuthorizationRequest))  # those of the stories before
        tx.execute(update(Authorization).values(ends_at=None))
    made = Stage(world)
    forget_letters(world)
    return made


def at_once(_: float) -> bool:
    """A pause that is none."""
    return False


def written_by(stage: Stage) -> list[Letter]:
    """The letters that an hour of reminding adds about this stage."""
    before = {one.id for one in letters(stage.world)}
    remind(stage.world.deployment, at_once)
    own = {one.email for one in (stage.priya, stage.omar, stage.dana, stage.eva)}
    return [one for one in letters(stage.world) if one.id not in before and one.address in own]


def days_of(stage: Stage, clock: MovableClock, *looks: int, subject: str = "") -> dict[int, set[str]]:
    """Who is reminded on which of these days from now; an hour later nobody is reminded again."""
    found: dict[int, set[str]] = {}
    passed = 0
    for day in looks:
        clock.advance(days=day - passed)
        passed = day
        names = [one.name for one in written_by(stage) if subject in one.subject]
        if names:
            clock.advance(hours=1)
            assert written_by(stage) == []
            clock.advance(hours=-1)
            assert len(set(names)) == len(names)
            found[day] = set(names)
    return found


ADMINISTRATORS, OWNERS = {"Priya Raman", "Omar Haddad"}, {"Dana Kim", "Eva Brandt"}


def test_administrators_are_reminded_of_requests_that_wait(stage: Stage, clock: MovableClock):
    """Of several for the same app once, and not of what was decided."""
    stage.request(stage.dana, RequestOrigin.DEVELOPER)
    clock.advance(hours=1)
    stage.request(stage.eva, RequestOrigin.DEVELOPER)
    stage.request(stage.lena, RequestOrigin.PERSON, decision="declined", decided_at=clock())
    reminded = days_of(stage, clock, 0, 2, 3, 4, 6, 7, 8, 13, 14, 15, 18)
    last = letters(stage.world)[-1]

    assert reminded == dict.fromkeys([3, 7, 14], ADMINISTRATORS)
    assert last.subject == "“Workforce Sync” has waited 14 days for a decision"
    assert "2 people ask for it by now." in last.body
    assert "Lena" not in last.body


def test_nobody_is_reminded_of_what_cannot_be_decided(stage: Stage, clock: MovableClock):
    stage.request(stage.dana, RequestOrigin.DEVELOPER)
    with stage.named(AppRuleMode.BLOCK):
        assert days_of(stage, clock, 3) == {}
    stage.change(App, stage.made.id, suspended_at=clock())

    assert days_of(stage, clock, 4) == {}


def test_both_sides_are_reminded_of_an_authorization_that_ends(stage: Stage, clock: MovableClock):
    stage.authorized_until(clock() + timedelta(days=40, hours=-1))
    reminded = days_of(stage, clock, 0, 9, 10, 11, 13, 32, 33, 34, 38, 39, 40)
    subjects = {one.subject for one in letters(stage.world)}

    assert reminded == dict.fromkeys([10, 33, 39], ADMINISTRATORS | OWNERS)
    assert any(one.endswith("in Northwind Traders ends in 1 day") for one in subjects)


def test_an_end_that_was_put_off_is_told_of_anew(stage: Stage, clock: MovableClock):
    stage.authorized_until(clock() + timedelta(days=31))
    clock.advance(days=3)
    first = written_by(stage)
    stage.authorized_until(clock() + timedelta(days=29, hours=12))
    second = written_by(stage)

    assert len(first) == len(second) == 4


def test_what_was_decided_for_a_short_time_is_not_told_to_end_in_a_month(stage: Stage, clock: MovableClock):
    stage.authorized_until(clock() + timedelta(days=29))

    assert written_by(stage) == []


def test_owners_are_warned_of_a_client_secret_that_expires(stage: Stage, clock: MovableClock):
    """CRED-05. One that a newer one replaced ends as it was meant to."""
    replaced = ClientSecret(
        id=uuid.uuid4(),
        app_id=stage.made.id,
        digest=uuid.uuid4().bytes,
        last_four="0000",
        created_by=stage.dana.id,
        created_by_name="Dana Kim",
        created_at=clock(),
        expires_at=clock() + timedelta(days=35),
        revoked_at=clock() + timedelta(days=35),
    )
    stage.add(replaced)
    clock.advance(days=730 - 40)
    forget_letters(stage.world)
    looks = (0, 4, 5, 6, 9, 10, 11, 25, 26, 27, 32, 33, 34, 38, 39, 40, 41, 42)
    reminded = days_of(stage, clock, *looks, subject="A client secret")
    written = [one.body for one in letters(stage.world) if one.name == "Dana Kim"]

    assert reminded == dict.fromkeys([10, 26, 33, 39, 40], OWNERS)
    assert "expired on" in written[-1]
    assert "/credentials" in written[0]
    assert not [body for body in written if "0000" in body]


def test_a_developer_is_warned_before_a_sandbox_ends(stage: Stage, clock: MovableClock):
    stage.sandbox(ends_in=timedelta(days=20, hours=-1))
    developer = {"Dana Kim"}

    assert days_of(stage, clock, 0, 5, 6, 7, 16, 17, 18, 19, 20) == {
        6: developer,
        17: developer,
        19: developer,
    }


def test_the_other_administrators_are_reminded_of_a_proposal(stage: Stage, clock: MovableClock):
    """CONS-07."""
    stage.proposal(stage.priya, expires_in=timedelta(days=7))

    assert days_of(stage, clock, 0, 5, 6, 7) == {6: {"Omar Haddad"}}


def test_many_are_reminded_in_batches_of_a_few_statements(
    stage: Stage, clock: MovableClock, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reminders, "BATCH", 2)
    for number in range(5):
        made = stage.world.service_app(stage.dana, name=f"App {number}", requested=False)
        request = AuthorizationRequest(
            id=uuid.uuid4(),
            app_id=made.id,
            organization_id=stage.northwind.id,
            requested_by=stage.dana.id,
            requested_by_name="Dana Kim",
            requested_at=clock(),
            origin=RequestOrigin.SHARE.value,
        )
        stage.add(request)
    clock.advance(days=3, hours=1)
    with counted_statements(stage.world) as statements:
        written = written_by(stage)
    with counted_statements(stage.world) as later:
        again = written_by(stage)

    assert len(written) == 10
    assert len([one for one in statements if one.startswith("INSERT INTO letters")]) == 3
    assert again == []
    assert not [one for one in later if one.startswith("INSERT")]
