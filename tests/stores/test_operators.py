"""The organization that runs the platform, the roles that exist only there, and the domains that it vouches for."""

import pytest

from appanage.directory import domains, operators
from appanage.directory import queries as directory
from appanage.directory import service as people
from appanage.directory.model import Account, Organization
from appanage.directory.roles import OF_EVERY_ORGANIZATION, OF_THE_OPERATOR, Role
from appanage.events import Actor
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from support.world import NARRATOR, World

OLGA = Actor("Olga at the command line")


@pytest.fixture
def home(world: World) -> Organization:
    """The operator's."""
    return world.operators().organization


@pytest.fixture
def customer(world: World) -> Organization:
    return world.organization("Northwind Traders")


def assign(world: World, person: Account, *roles: Role, by: Account) -> frozenset[Role]:
    with world.deployment.transaction(world.origin) as tx:
        found, acting = (directory.get_account(tx, one.organization_id, one.id) for one in (person, by))
        people.assign_roles(tx, found, roles, by=acting)
        return found.roles


def verify(world: World, domain: str, organization: Organization) -> str:
    with world.deployment.transaction(world.origin) as tx:
        return domains.verify(tx, domain, organization, by=OLGA)


def owner_of(world: World, domain: str) -> str | None:
    with world.deployment.transaction(world.origin) as tx:
        found = domains.find_organization_by_domain(tx, domain)
        return found.name if found else None


def test_one_organization_at_most_runs_the_platform(world: World, home: Organization, customer: Organization):
    with (
        pytest.raises(Conflict, match=f"{home.name} runs this platform already"),
        world.deployment.transaction(world.origin) as tx,
    ):
        operators.appoint(tx, tx.get_one(Organization, customer.id), by=OLGA)
    with world.deployment.transaction(world.origin) as tx:
        operators.appoint(tx, tx.get_one(Organization, home.id), by=OLGA)  # a repeat changes nothing
        found = operators.find_operators_organization(tx)

    assert found is not None
    assert found.id == home.id
    assert len(world.events(home, "organization.appointed")) == 1
    assert world.events(customer, "organization.appointed") == []


@pytest.mark.parametrize("role", sorted(OF_THE_OPERATOR))
def test_its_roles_exist_nowhere_else(world: World, home: Organization, customer: Organization, role: Role):
    """CONS-06: neither for who is added with one nor for who is given one, whoever gives it."""
    admin, lena = world.full_admin(customer), world.person(customer)
    theirs, ours = world.full_admin(home), world.person(home)

    assert assign(world, ours, role, by=theirs) == {role}
    for refused in (
        lambda: assign(world, lena, role, by=admin),
        lambda: world.person(customer, role),
    ):
        with pytest.raises(Invalid, match=f"There is no role {role.label} in Northwind Traders"):
            refused()
    with pytest.raises(NotPermitted):
        assign(world, lena, role, by=theirs)
    assert home.roles == tuple(Role)
    assert customer.roles == OF_EVERY_ORGANIZATION
    assert role not in customer.roles


def test_an_account_runs_the_platform_by_its_role_there(world: World, customer: Organization):
    operator, admin = world.operators(Role.OPERATOR), world.full_admin(customer)

    assert operator.runs_the_platform_as(Role.OPERATOR)
    assert not operator.runs_the_platform_as(Role.APP_REVIEWER)
    assert not any(admin.runs_the_platform_as(role) for role in Role)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("northwind.example", "northwind.example"),
        (" NorthWind.Example. ", "northwind.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ｎorthwind。example", "northwind.example"),
        ("a.b.c.example", "a.b.c.example"),
    ],
)
def test_a_domain_is_known_by_one_spelling(written: str, kept: str):
    assert domains.normalized(written) == kept


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "localhost",
            "a..example",
            "-a.example",
            "a_b.example",
            "a b.example",
            "192.0.2.1",
            "0x7f.1",
        ),
        *(
            "lena@northwind.example",
            "https://northwind.example",
            f"{'a' * 64}.example",
            "a." * 130 + "example",
        ),
        *("xn--zzzzzzzz-.example", "north\0wind.example", "*.example"),
    ],
)
def test_what_is_no_domain_is_nobody_s(world: World, text: str):
    with pytest.raises(Invalid, match="is no domain"):
        domains.normalized(text)
    assert owner_of(world, text) is None


def test_a_domain_belongs_to_one_organization_until_it_is_removed(world: World, customer: Organization):
    other, domain = world.organization("Contoso Health"), f"n{customer.id.hex}.example"

    assert verify(world, domain.upper(), customer) == domain
    assert verify(world, f"{domain}.", customer) == domain  # a repeat changes nothing
    with pytest.raises(Conflict, match=f"The domain {domain} is verified for Northwind Traders"):
        verify(world, domain, other)
    assert owner_of(world, domain.title()) == "Northwind Traders"
    assert owner_of(world, f"mail.{domain}") is None
    with world.deployment.transaction(world.origin) as tx:
        assert [found.domain for found, _ in domains.list_domains(tx, customer)] == [domain]
        assert (domain, customer.id) in [(found.domain, of.id) for found, of in domains.list_domains(tx)]

    with world.deployment.transaction(world.origin) as tx:
        assert domains.remove(tx, domain, by=NARRATOR).id == customer.id

    assert owner_of(world, domain) is None
    assert verify(world, domain, other) == domain
    with pytest.raises(NotFound), world.deployment.transaction(world.origin) as tx:
        domains.remove(tx, f"x{domain}", by=NARRATOR)
    told = [(one.type, one.target_name, one.actor_name) for one in world.events(customer)[1:]]
    assert told == [
        ("domain.verified", domain, OLGA.name),
        ("domain.removed", domain, NARRATOR.name),
    ]
