"""The people of the pages' stories, each with a password, and what is theirs."""

import pytest

from appanage.apps.model import App
from appanage.directory.model import Account, Organization
from support.browser import Browser
from support.consenting import integration
from support.world import PASSWORD, MadeApp, World


@pytest.fixture
def organization(world: World) -> Organization:
    """Where the people of a story are."""
    return world.organization("Northwind Traders")


@pytest.fixture
def admin(world: World, organization: Organization) -> Account:
    """A Full Administrator."""
    return world.full_admin(organization, name="Priya Raman", password=PASSWORD)


@pytest.fixture
def lena(world: World, organization: Organization) -> Account:
    """A person without any role."""
    return world.person(organization, name="Lena Vogt", password=PASSWORD)


@pytest.fixture
def developer(world: World, organization: Organization) -> Account:
    """Somebody who may make apps."""
    return world.developer(organization, name="Dana Kim", password=PASSWORD)


@pytest.fixture
def dana(browser: Browser, developer: Account) -> Browser:
    """The developer's browser, signed in."""
    return browser.sign_in(developer)


@pytest.fixture
def made(world: World, developer: Account) -> MadeApp:
    """A Service App of the developer, with a request that nobody has decided on."""
    return world.service_app(developer)


@pytest.fixture
def app(world: World) -> App:
    """An Integration of another organization, "Desk Booking"."""
    return integration(world)
