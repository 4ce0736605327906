"""What the operator does to organizations, people, tokens and keys; the services do the work."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

from email_validator import EmailNotValidError, validate_email

from appanage.authorizations import keys, personal_tokens
from appanage.cli.console import Problem
from appanage.cli.opening import operator, transaction
from appanage.deployment import Deployment
from appanage.directory import domains, operators
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, Organization, Plan
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.events.queries import broken_links as find_broken_links
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind
from appanage.kit.secrets import Secret
from appanage.signin.service import set_password
from appanage.storage import Transaction


def create_organization(data: Path | None, *, name: str, plan: str, is_operator: bool = False) -> str:
    """The public id of the new organization, which `is_operator` makes the one that runs the platform."""
    if plan not in set(Plan):
        raise Problem(f"There is no plan {plan}. Choose one of: {', '.join(Plan)}.", exit_code=2)
    with transaction(data) as (deployment, tx):
        made = directory_service.create_organization(tx, name, by=operator(), plan=Plan(plan))
        if is_operator:
            operators.appoint(tx, made, by=operator())
        return deployment.ids.encode(Kind.ORGANIZATION, made.id)


def appoint_organization(data: Path | None, *, organization: str) -> str:
    """The name of the organization that runs the platform from now on."""
    with transaction(data) as (deployment, tx):
        appointed = _organization_called(deployment, tx, organization)
        operators.appoint(tx, appointed, by=operator())
        return appointed.name


def verify_domain(data: Path | None, *, domain: str, organization: str) -> str:
    """The domain as it is kept."""
    with transaction(data) as (deployment, tx):
        owner = _organization_called(deployment, tx, organization)
        return domains.verify(tx, domain, owner, by=operator())


def remove_domain(data: Path | None, *, domain: str) -> str:
    """The name of the organization whose it was."""
    with transaction(data) as (_, tx):
        return domains.remove(tx, domain, by=operator()).name


def list_domains(data: Path | None, *, organization: str | None) -> list[str]:
    """A line for each verified domain: the domain, the id and the name of its organization."""
    with transaction(data) as (deployment, tx):
        owner = _organization_called(deployment, tx, organization) if organization else None
        return [
            f"{found.domain}  {deployment.ids.encode(Kind.ORGANIZATION, of.id)}  {of.name}"
            for found, of in domains.list_domains(tx, owner)
        ]


def create_person(
    data: Path | None, profile: Profile, *, organization: str, roles: Collection[str], password: str | None
) -> str:
    """The public id of the new person."""
    _require_address(profile.email)
    wanted = [role_called(name) for name in roles]
    with transaction(data) as (deployment, tx):
        home = _organization_called(deployment, tx, organization)
        own_domains = deployment.settings.own_domains
        made = directory_service.create_person(
            tx, home, profile, by=operator(), own_domains=own_domains, roles=wanted
        )
        if password is not None:
            set_password(tx, made, password, by=operator(), passwords=deployment.passwords)
        return deployment.ids.encode(Kind.PEOPLE, made.id)


def set_password_of(data: Path | None, *, email: str, password: str) -> None:
    """Ends whatever the person is signed in with: browser sessions and personal tokens (checklist SES-08)."""
    with transaction(data) as (deployment, tx):
        person = _person_called(tx, email)
        set_password(tx, person, password, by=operator(), passwords=deployment.passwords)
        personal_tokens.revoke_all(tx, person)


def create_token(
    data: Path | None, *, email: str, hours: int, scopes: Sequence[str], label: str = ""
) -> Secret:
    with transaction(data) as (deployment, tx):
        person = _person_called(tx, email)
        return personal_tokens.create(
            tx,
            person,
            by=operator(),
            lifetime=timedelta(hours=hours),
            longest=deployment.settings.lifetimes.personal_token,
            scopes=scopes or None,
            label=label,
        )


def rotate_keys(data: Path | None) -> str:
    """A sentence about each new key."""
    with transaction(data) as (deployment, tx):
        lifetimes = deployment.settings.lifetimes
        made = keys.rotate(tx, deployment.keys, lifetimes, by=operator(), on_demand=True)
        begins = tx.now + lifetimes.signing_key_notice
        return "\n".join(
            f"The {key.algorithm} key {key.key_id} is published and signs from {begins:%Y-%m-%d %H:%M} UTC."
            for key in made
        )


def broken_links(data: Path | None) -> list[str]:
    with transaction(data) as (_, tx):
        return find_broken_links(tx)


def role_called(text: str) -> Role:
    """The role with this key or name, whatever its capitals."""
    wanted = text.strip().lower()
    found = next((role for role in Role if wanted in {role.value.lower(), role.label.lower()}), None)
    if found is None:
        raise Problem(
            f"There is no role {text}. There are: {', '.join(role.label for role in Role)}.", exit_code=2
        )
    return found


def _person_called(tx: Transaction, email: str) -> Account:
    person = directory.find_person_by_email(tx, email.strip())
    if person is None:
        raise Problem(f"There is no person with the address {email}.")
    return person


def _require_address(email: str) -> None:
    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError as cause:
        raise Problem(f"{email} is not an e-mail address: {cause}", exit_code=2) from cause


def _organization_called(deployment: Deployment, tx: Transaction, text: str) -> Organization:
    """The organization with this public id, UUID or name."""
    named = directory.list_organizations_named(tx, text)
    if len(named) > 1:
        ids = ", ".join(deployment.ids.encode(Kind.ORGANIZATION, one.id) for one in named)
        raise Problem(f"More than one organization is named {text}. Say which by its id: {ids}.")
    if named:
        return named[0]
    try:
        return directory.get_organization(tx, deployment.ids.decode(Kind.ORGANIZATION, text))
    except NotFound as cause:
        raise Problem(f"There is no organization with the id or name {text}.") from cause
