"""Sandboxes: made by anybody, shared with, and ended with all that hangs on them."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from sqlalchemy import text

from appanage.authorizations import decisions, sandboxes, sharing
from appanage.authorizations import service as service_apps
from appanage.authorizations.model import Authorization, AuthorizationRequest, RequestOrigin
from appanage.authorizations.sandboxes import MadeSandbox
from appanage.deployment import Deployment
from appanage.directory import domains, operators, service
from appanage.directory import sandboxes as directory
from appanage.directory.model import Account, Organization, Plan, Sandbox
from appanage.directory.queries import PeopleFilter, find_account, list_people
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.events import Actor
from appanage.jobs.sandboxes import end_sandboxes
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.paging import PageRequest
from appanage.oauth.errors import InvalidToken
from appanage.signin import service as signin
from support import connecting
from support.asking import share
from support.at_once import at_once
from support.clock import MovableClock
from support.consenting import integration
from support.world import World


@pytest.fixture
def home(world: World) -> Organization:
    return world.organization("Fabrikam GmbH", plan=Plan.FREE)


@pytest.fixture
def dana(world: World, home: Organization) -> Account:
    """A developer in a free organization."""
    return world.person(home, name="Dana Kim")


def make(world: World, owner: Account, name: str = "Playground") -> MadeSandbox:
    deployment = world.deployment
    with deployment.transaction(world.origin) as tx:
        by = find_account(tx, owner.id)
        assert by is not None
        rules, passwords = deployment.sandbox_rules, deployment.passwords
        return sandboxes.create(tx, by, name, rules=rules, passwords=passwords)


def end(world: World, owner: Account, made: MadeSandbox) -> None:
    with world.deployment.transaction(world.origin) as tx:
        by = find_account(tx, owner.id)
        assert by is not None
        longest = world.deployment.settings.lifetimes.longest_access_token
        sandboxes.end(tx, by, made.sandbox.organization_id, longest_token=longest)


def extend(world: World, owner: Account, made: MadeSandbox) -> None:
    with world.deployment.transaction(world.origin) as tx:
        rules = world.deployment.sandbox_rules
        directory.extend(tx, tx.get_one(Account, owner.id), made.sandbox.organization_id, rules=rules)


def can_sign_in(world: World, made: MadeSandbox) -> bool:
    administrator = made.sandbox.administrator
    with world.deployment.transaction(world.origin) as tx:
        passwords = world.deployment.passwords
        return (
            signin.sign_in(tx, administrator.email, made.password.reveal(), passwords=passwords) is not None
        )


def works(world: World, token: str) -> bool:
    world.deployment.feed.look()
    with world.deployment.transaction(world.origin) as tx:
        try:
            world.deployment.verifier.caller_of(tx, token)
        except InvalidToken:
            return False
        return True


def home_of(account: Account) -> str:
    return account.email.partition("@")[2]


def waits_for_a_lock(deployment: Deployment) -> bool:
    """Looks until somebody in this database waits for a lock; false when nobody does."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    pause = Event()
    with deployment.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(300):
            if connection.execute(text(query)).scalar_one():
                return True
            pause.wait(0.01)
    return False


def types(world: World, organization: Organization, prefix: str) -> list[str]:
    return [event.type for event in world.events(organization) if event.type.startswith(prefix)]


def test_a_developer_is_full_administrator_of_a_sandbox_with_people(
    world: World, home: Organization, dana: Account
):
    made = make(world, dana)
    organization = made.sandbox.organization
    with world.deployment.transaction(world.origin) as tx:
        people = list_people(tx, organization.id, PeopleFilter(), PageRequest()).items
    administrator = made.sandbox.administrator

    assert administrator.roles == {Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER}
    assert administrator.email.startswith("dana-kim-admin@")
    assert administrator.email.endswith(".sandbox.internal")
    assert len(people) == 6
    assert len({person.email.partition("@")[2] for person in people}) == 1
    assert can_sign_in(world, made)
    assert types(world, home, "sandbox.") == types(world, organization, "sandbox.") == ["sandbox.created"]
    assert made.password.reveal() not in str([event.data for event in world.events(organization)])


def test_one_person_has_only_so_many_at_a_time(world: World, dana: Account):
    first = make(world, dana)
    results = at_once([lambda: make(world, dana)] * 2)

    assert sorted(type(one).__name__ for one in results) == ["Conflict", "MadeSandbox"]
    end(world, dana, first)
    make(world, dana)
    for name in ("", " ", "x" * 81, "a\tb"):
        with pytest.raises(Invalid):
            make(world, dana, name)


def test_one_person_makes_only_so_many_within_a_day(
    world: World, dana: Account, monkeypatch: pytest.MonkeyPatch, clock: MovableClock
):
    """TEN-02: also of those that have ended, which stay with their people and their record."""
    monkeypatch.setattr(directory, "MOST_A_DAY", 2)
    for _ in range(2):
        end(world, dana, make(world, dana))

    with pytest.raises(Conflict, match="within a day"):
        make(world, dana)
    clock.advance(days=1, seconds=1)
    make(world, dana)


def test_the_apps_of_a_sandbox_stay_in_it(world: World, dana: Account):
    """CONS-01: nobody vouches for its name, which its maker chose."""
    made = make(world, dana, "Microsoft Corporation")
    phishing = world.service_app(made.sandbox.administrator, requested=False)

    with pytest.raises(Conflict, match="Microsoft Corporation is a sandbox"):
        share(world, phishing, world.organization())


def test_a_sandbox_is_no_home(world: World, dana: Account):
    """It makes no further ones, runs no platform, has no domain; its addresses are nobody else's."""
    made = make(world, dana)
    administrator, organization = made.sandbox.administrator, made.sandbox.organization
    bot = world.bot(administrator)

    with pytest.raises(Conflict, match="is a sandbox"):
        make(world, administrator)
    with world.deployment.transaction(world.origin) as tx:
        with pytest.raises(NotPermitted):
            sandboxes.create(
                tx,
                tx.get_one(Account, bot.app.bot_account_id),
                "Robots",
                rules=world.deployment.sandbox_rules,
                passwords=world.deployment.passwords,
            )
        with pytest.raises(Conflict, match="is a sandbox"):
            domains.verify(tx, "play.example", organization, by=Actor("The operator"))
        found = operators.find_operators_organization(tx)
        if found is None:
            with pytest.raises(Conflict, match="is a sandbox"):
                operators.appoint(tx, organization, by=Actor("The operator"))


def test_its_people_have_addresses_of_its_own_domain_only(world: World, dana: Account, home: Organization):
    """Else a sandbox would make the platform write to strangers."""
    made, other = make(world, dana), make(world, dana, "Another")
    administrator, organization = made.sandbox.administrator, made.sandbox.organization
    here, there = (one.sandbox.administrator.email.partition("@")[2] for one in (made, other))
    own = world.deployment.settings.own_domains

    def add(place: Organization, email: str) -> Account:
        with world.deployment.transaction(world.origin) as tx:
            profile = Profile(email, display_name="Eve")
            return service.create_person(tx, place, profile, by=Actor("Eve"), own_domains=own)

    def rename(email: str) -> None:
        with world.deployment.transaction(world.origin) as tx:
            person, by = tx.get_one(Account, eve.id), tx.get_one(Account, administrator.id)
            service.update_person(tx, person, Profile(email, display_name="Eva"), by=by, own_domains=own)

    eve = add(organization, f"eve@{here.upper()}")
    rename(f"eva@{here}")
    for domain in ("victim.example", "sandbox.internal", there, f"x.{here}", "machine.internal"):
        with pytest.raises(Invalid, match="People of this sandbox"):
            add(organization, f"eve@{domain}")
        with pytest.raises(Invalid, match="People of this sandbox"):
            rename(f"eva@{domain}")
    with pytest.raises(Invalid, match="belong to apps"):
        add(home, f"eve@{here}")
    for number in range(42):
        add(organization, f"person{number}@{here}")
    results = at_once([partial(add, organization, f"last{number}@{here}") for number in range(2)])
    assert sorted(type(one).__name__ for one in results) == ["Account", "Conflict"]


def test_it_is_extended_only_when_it_is_soon_to_end(
    world: World, dana: Account, home: Organization, clock: MovableClock
):
    made = make(world, dana)
    born = clock()
    clock.advance(days=75)
    with pytest.raises(Conflict, match="can be extended from"):
        extend(world, dana, made)
    clock.advance(days=2)
    extend(world, dana, made)
    with world.deployment.transaction(world.origin) as tx:
        (sandbox,) = directory.list_owned(tx, dana, PageRequest()).items

    assert abs(sandbox.expires_at - born - timedelta(days=77 + 90)) < timedelta(minutes=5)
    assert types(world, home, "sandbox.") == ["sandbox.created", "sandbox.extended"]
    with pytest.raises(NotFound):
        extend(world, world.person(home), made)
    clock.advance(days=91)
    with pytest.raises(Conflict, match="has ended"):
        extend(world, dana, made)


@pytest.fixture
def lived_in(world: World, dana: Account) -> tuple[MadeSandbox, list[str]]:
    """A sandbox that authorized an app from elsewhere and made one of its own, with a living token of every sort."""
    made = make(world, dana)
    administrator = made.sandbox.administrator
    sync = world.service_app(dana, requested=False)
    with world.deployment.transaction(world.origin) as tx:
        sharing.share(
            tx,
            sync.id,
            made.sandbox.organization,
            by=tx.get_one(Account, dana.id),
            addressed_to="its id",
            rules=world.deployment.app_rules,
        )
    world.authorize(sync, administrator)
    tokens = [world.retrieve(sync, made.sandbox.organization).access_token.reveal()]
    ina = world.full_admin(made.sandbox.organization, domain=home_of(administrator))
    inside = world.service_app(ina, name="Inside")
    world.authorize(inside, administrator)
    tokens.append(world.retrieve(inside, made.sandbox.organization).access_token.reveal())
    desk = world.integration(administrator, name="Desk from the sandbox")
    tokens.append(
        connecting.connect(world, desk.app, world.person(world.organization())).access_token.reveal()
    )
    tokens.append(connecting.connect(world, integration(world), administrator).access_token.reveal())
    tokens.append(world.token(administrator))
    tokens.append(world.bot(administrator).token)
    assert [works(world, token) for token in tokens] == [True] * 6
    return made, tokens


def by_its_developer(world: World, dana: Account, made: MadeSandbox) -> None:
    end(world, dana, made)


def by_itself(world: World, dana: Account, made: MadeSandbox) -> None:
    """Its tokens would live for days: only its end has come."""
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(Sandbox, made.sandbox.organization_id).expires_at = tx.now
    assert end_sandboxes(world.deployment, lambda _: False) >= 1
    assert end_sandboxes(world.deployment, lambda _: False) == 0


@pytest.mark.parametrize(("way", "how"), [(by_its_developer, "revoked"), (by_itself, "expired")])
def test_all_that_hung_on_it_ends_with_it(
    world: World,
    dana: Account,
    home: Organization,
    lived_in: tuple[MadeSandbox, list[str]],
    way: Callable[..., None],
    how: str,
):
    """MACH-04, MACH-06, SES-08: whoever ends it."""
    made, tokens = lived_in
    organization = made.sandbox.organization

    way(world, dana, made)

    assert [works(world, token) for token in tokens] == [False] * 6
    assert not can_sign_in(world, made)
    assert types(world, organization, f"authorization.{how}") == [f"authorization.{how}"] * 2
    assert types(world, home, "sandbox.")[-1] == "sandbox.ended"
    with pytest.raises(Conflict, match="has ended"):
        end(world, dana, made)
    with world.deployment.transaction(world.origin) as tx:
        assert tx.get_one(Organization, organization.id).suspended_at is not None


def test_what_is_authorized_while_it_ends_ends_with_it(
    world: World, dana: Account, lived_in: tuple[MadeSandbox, list[str]]
):
    """MACH-06: the administrator holds their account, so the end waits for what they decide."""
    made, tokens = lived_in
    administrator = made.sandbox.administrator
    late = world.service_app(world.person(administrator.organization, domain=home_of(administrator)))
    with ThreadPoolExecutor(1) as pool:
        with world.deployment.transaction(world.origin) as tx:
            by = tx.get_one(Account, administrator.id)
            app = decisions.get_visible_app(tx, by, late.id)
            domain = world.deployment.settings.machine_domain
            authorized = service_apps.authorize(tx, app, by=by, machine_domain=domain)
            assert isinstance(authorized, Authorization)
            ending = pool.submit(end, world, dana, made)
            assert waits_for_a_lock(world.deployment)
        ending.result(timeout=10)

    assert [works(world, token) for token in tokens] == [False] * 6
    with world.deployment.transaction(world.origin) as tx:
        assert tx.get_one(Authorization, authorized.id).ended_at is not None


def test_what_is_left_of_an_ended_one_is_swept_up_whatever_fails(
    world: World, dana: Account, lived_in: tuple[MadeSandbox, list[str]], monkeypatch: pytest.MonkeyPatch
):
    made, tokens = lived_in
    organization, failing = made.sandbox.organization, make(world, dana, "Another").sandbox.organization_id
    asking = world.person(organization, domain=home_of(made.sandbox.administrator))
    request = AuthorizationRequest(
        id=uuid.uuid4(),
        app_id=world.service_app(dana, requested=False).id,
        organization_id=organization.id,
        requested_by=asking.id,
        requested_by_name=asking.display_name,
        origin=RequestOrigin.PERSON.value,
    )
    with world.deployment.transaction(world.origin) as tx:
        tx.get_one(Sandbox, failing).expires_at = tx.now - timedelta(days=1)
        tx.get_one(Sandbox, organization.id).ended_at = tx.now
        request.requested_at = tx.now
        tx.add(request)

    def expire(*_: object, **__: object) -> bool:
        raise RuntimeError("this one cannot be ended")

    with monkeypatch.context() as broken:
        broken.setattr(sandboxes, "expire", expire)
        end_sandboxes(world.deployment, lambda _: False)

    assert [works(world, token) for token in tokens] == [False] * 6
    assert types(world, organization, "authorization.expired") == ["authorization.expired"] * 2
    with world.deployment.transaction(world.origin) as tx:
        settled = tx.get_one(AuthorizationRequest, request.id)
        assert (settled.decision, settled.decision_reason) == ("declined", "The sandbox ended.")
        assert organization.id not in sandboxes.list_unswept(tx, most=1000)
        assert tx.get_one(Sandbox, failing).is_open
    [declined] = [one for one in world.events(organization) if one.type == "authorization.request_declined"]
    assert declined.app_id is None
    assert end_sandboxes(world.deployment, lambda _: False) >= 1


def test_a_strangers_sandbox_does_not_exist(world: World, dana: Account, home: Organization):
    made, colleague = make(world, dana), world.person(home)

    with pytest.raises(NotFound):
        end(world, colleague, made)
    with world.deployment.transaction(world.origin) as tx:
        assert directory.list_owned(tx, colleague, PageRequest()).items == []
        with pytest.raises(NotFound):
            directory.get_owned(tx, dana, uuid.uuid4())
