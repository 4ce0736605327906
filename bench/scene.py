"""Customers: organizations with people, who authorized an app of theirs."""

from dataclasses import dataclass

from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App
from appanage.authorizations import organization_tokens, requests
from appanage.authorizations import service as authorizations
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import Deployment
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.events import Actor
from appanage.kit.errors import Refused
from appanage.kit.origin import command_line_origin
from appanage.kit.secrets import Secret
from appanage.storage import Transaction

WORKFORCE = 25  # a page of 20 and some more
SCOPES = ("spark-admin:people_read", "spark-admin:people_write")
NARRATOR = Actor("The benchmark")


@dataclass(frozen=True, slots=True)
class Customer:
    """An app, and tokens that it has for somebody who authorized it."""

    client_id: str
    client_secret: str
    access_token: str
    refresh_token: str


def make_customer(deployment: Deployment, number: int) -> Customer:
    """An organization with people, whose developer registered a Service App and whose administrator authorized it."""
    with deployment.transaction(command_line_origin()) as tx:
        organization = directory.create_organization(tx, f"Customer {number}", by=NARRATOR)
        for one in range(1, WORKFORCE + 1):
            make_person(tx, organization, f"Person {one:02}")
        developer = make_person(tx, organization, "The Developer")
        admin = make_person(tx, organization, "The Administrator", Role.FULL_ADMIN)
        draft = AppDraft(
            "Workforce Sync",
            description="Keeps people in step.",
            contact_email=developer.email,
            scopes=SCOPES,
        )
        app, secret = apps.create_client(tx, draft, by=developer, rules=deployment.app_rules)
        assert secret is not None
        requests.request_authorization(tx, app, by=developer)
        _authorize(tx, deployment, app, by=admin)
        pair = _retrieve(tx, deployment, app, secret, by=developer)
        return customer_of(app, secret.reveal(), pair)


def customer_of(app: App, secret: str, pair: TokenPair) -> Customer:
    return Customer(app.client_id, secret, pair.access_token.reveal(), pair.refresh_token.reveal())


def make_person(tx: Transaction, organization: Organization, name: str, *roles: Role) -> Account:
    email = f"{name.lower().replace(' ', '.')}@{organization.name.lower().replace(' ', '-')}.example"
    profile = Profile(email, display_name=name)
    return directory.create_person(tx, organization, profile, by=NARRATOR, own_domains=(), roles=roles)


def _authorize(tx: Transaction, deployment: Deployment, app: App, *, by: Account) -> None:
    domain = deployment.settings.machine_domain
    done = authorizations.authorize(tx, app, by=by, machine_domain=domain)
    assert not isinstance(done, Refused), done


def _retrieve(tx: Transaction, deployment: Deployment, app: App, secret: Secret, *, by: Account) -> TokenPair:
    pair = organization_tokens.retrieve(
        tx,
        deployment.issuer,
        app,
        by=by,
        organization_id=by.organization_id,
        client_secret=secret.reveal(),
    )
    assert not isinstance(pair, Refused), pair
    return pair
