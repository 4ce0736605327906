"""Changing the directory: organizations, people, their roles, and the machine accounts of apps."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import select, text

from appanage import events
from appanage.directory import queries, sandbox_people
from appanage.directory.model import Account, AccountKind, AccountLicense, License, Organization, Plan
from appanage.directory.roles import PEOPLE_WRITERS, Role, labels
from appanage.events.service import changes
from appanage.kit.addresses import is_email_address
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class Profile:
    """What can be said of a person; the editable part of an account."""

    email: str
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    nick_name: str = ""
    avatar: str | None = None
    title: str | None = None
    department: str | None = None
    manager: str | None = None
    manager_id: uuid.UUID | None = None
    extension: str | None = None
    location_id: str | None = None
    time_zone: str | None = None
    phone_numbers: Sequence[dict[str, Any]] = field(default_factory=tuple)
    addresses: Sequence[dict[str, Any]] = field(default_factory=tuple)
    site_urls: Sequence[str] = field(default_factory=tuple)
    sip_addresses: Sequence[dict[str, Any]] = field(default_factory=tuple)
    login_enabled: bool = True

    @property
    def full_name(self) -> str:
        return self.display_name or f"{self.first_name} {self.last_name}".strip()


def create_organization(
    tx: Transaction,
    name: str,
    *,
    by: events.Actor,
    plan: Plan = Plan.STANDARD,
    organization_id: uuid.UUID | None = None,
) -> Organization:
    """Makes an organization without people. Raises Invalid when it has no name."""
    if not name.strip():
        raise Invalid("An organization needs a name.", fields={"name": "Enter a name."})
    made = Organization(
        id=organization_id or uuid.uuid4(), name=name.strip(), plan=plan.value, created_at=tx.now
    )
    tx.add(made)
    tx.flush()
    events.record(tx, "organization.created", organization_id=made.id, actor=by, target=made.as_target())
    return made


def create_license(
    tx: Transaction, organization: Organization, *, code: str, name: str, units: int
) -> License:
    made = License(id=uuid.uuid4(), organization_id=organization.id, code=code, name=name, total_units=units)
    tx.add(made)
    return made


def create_person(
    tx: Transaction,
    organization: Organization,
    profile: Profile,
    *,
    by: events.Actor,
    own_domains: Collection[str],
    roles: Collection[Role] = (),
    licenses: Collection[uuid.UUID] = (),
) -> Account:
    """Adds a person to the organization.

    Raises Conflict when the address is taken, anywhere on the platform, or a sandbox is full, and Invalid when the
    address is in one of the platform's `own_domains`, where it would pass for a bot or a machine account, when it is not
    in the domain of the sandbox that this is, or when there is no such role here.
    """
    _require_roles_of(organization, roles)
    if _require_of_here(tx, organization, profile, own_domains):
        sandbox_people.require_room(tx, organization.id)
    _require_usable(tx, profile)
    person = Account(
        id=uuid.uuid4(),
        organization_id=organization.id,
        organization=organization,
        kind=AccountKind.PERSON.value,
        created_at=tx.now,
        modified_at=tx.now,
    )
    _write(person, profile)
    person.assign(frozenset(roles))
    _assign_licenses(tx, person, licenses)
    tx.add(person)
    tx.flush()
    data = {"email": person.email, "roles": labels(person.roles)}
    events.record(
        tx, "account.created", organization_id=organization.id, actor=by, target=person.as_target(), data=data
    )
    return person


def update_person(
    tx: Transaction,
    person: Account,
    profile: Profile,
    *,
    by: Account,
    own_domains: Collection[str],
    roles: Collection[Role] | None = None,
    licenses: Collection[uuid.UUID] | None = None,
) -> Account:
    """Replaces what is said of a person; `roles` and `licenses` stay when None. Raises as `create_person`."""
    _require_person(person)
    before = _snapshot(person)
    if _is_sensitive(person, profile):
        _require_power_over(person, by)
    if profile.email.lower() != person.email.lower():
        _require_of_here(tx, person.organization, profile, own_domains)
    _require_usable(tx, profile, account_id=person.id)
    if not profile.login_enabled:
        _require_another_full_administrator(tx, person)
    _write(person, profile)
    if licenses is not None:
        _assign_licenses(tx, person, licenses)
    if roles is not None:
        assign_roles(tx, person, roles, by=by)
    changed = changes(before, _snapshot(person))
    if changed:
        person.modified_at = tx.now
        _record(tx, "account.updated", person, by, changed)
    return person


def assign_roles(tx: Transaction, person: Account, roles: Collection[Role], *, by: Account) -> None:
    """Gives exactly these roles; only a Full Administrator of the organization may change any.

    Raises NotPermitted, Invalid for a role that there is not here, and Conflict for the last Full Administrator's.
    """
    wanted = frozenset(roles)
    if wanted == person.roles:
        return
    _require_full_administrator(by, person.organization_id, "Only a Full Administrator can change roles.")
    _require_roles_of(person.organization, wanted)
    if Role.FULL_ADMIN not in wanted:
        _require_another_full_administrator(tx, person)
    before = labels(person.roles)
    person.assign(wanted)
    person.modified_at = tx.now
    _record(tx, "account.roles_changed", person, by, {"roles": {"before": before, "after": labels(wanted)}})


def delete_person(tx: Transaction, person: Account, *, by: Account) -> None:
    """Ends a person's account. Whoever is above in the building ends what hung on it."""
    _require_person(person)
    if person.id == by.id:
        raise Conflict("You cannot delete your own account. Ask another administrator.", code="own_account")
    _require_power_over(person, by)
    _require_another_full_administrator(tx, person)
    _end(tx, person)
    _record(tx, "account.deleted", person, by, {"email": person.email})


def require_people_writer(account: Account) -> None:
    """A machine account acts by its scopes; a person also needs a role."""
    if account.is_machine or account.has_any(*PEOPLE_WRITERS):
        return
    message = (
        "Creating, changing and deleting people needs the role Full Administrator or User Administrator."
    )
    raise NotPermitted(message, roles=labels(PEOPLE_WRITERS))


def create_app_account(
    tx: Transaction,
    organization: Organization,
    kind: AccountKind,
    *,
    name: str,
    address: str,
    by: Account | events.Actor,
) -> Account:
    """The account in whose name an app acts: a bot's own, or a Service App's in an organization that authorized it.

    It has no password, no role and no license (MACH-02).
    """
    made = Account(
        id=uuid.uuid4(),
        organization_id=organization.id,
        organization=organization,
        kind=kind.value,
        email=address,
        display_name=name,
        created_at=tx.now,
        modified_at=tx.now,
    )
    tx.add(made)
    tx.flush()
    _record(tx, "account.created", made, by, {"email": address, "kind": made.kind})
    return made


def remove_app_account(tx: Transaction, account: Account, *, by: Account | events.Actor) -> None:
    """Ends a machine account or a bot's account; their app ends what hung on it."""
    _end(tx, account)
    _record(tx, "account.deleted", account, by, {"email": account.email, "kind": account.kind})


def _write(person: Account, profile: Profile) -> None:
    for name in (one.name for one in fields(Profile)):
        value = getattr(profile, name)
        setattr(person, name, list(value) if isinstance(value, tuple) else value)
    person.display_name = profile.full_name


def _snapshot(person: Account) -> dict[str, Any]:
    values = {one.name: getattr(person, one.name) for one in fields(Profile)}
    values["licenses"] = sorted(str(license_id) for license_id in person.license_ids)
    values["manager_id"] = str(person.manager_id) if person.manager_id else None
    return values


def _assign_licenses(tx: Transaction, person: Account, wanted: Collection[uuid.UUID]) -> None:
    known = {one.id for one in queries.list_licenses(tx, person.organization_id)}
    unknown = set(wanted) - known
    if unknown:
        raise Invalid(
            "A license is not one of this organization.",
            fields={"licenses": "List the organization's licenses first."},
        )
    kept = [row for row in person.license_rows if row.license_id in wanted]
    missing = set(wanted) - {row.license_id for row in kept}
    person.license_rows = kept + [AccountLicense(license_id=license_id) for license_id in sorted(missing)]


def _end(tx: Transaction, account: Account) -> None:
    account.deleted_at = account.modified_at = tx.now
    account.role_rows = []
    account.license_rows = []
    tx.flush()


def _require_person(account: Account) -> None:
    """Machine accounts and bots are not edited here: they live and end with their app."""
    if not account.is_person:
        raise NotFound("There is no person with this id.")


def _require_usable(tx: Transaction, profile: Profile, *, account_id: uuid.UUID | None = None) -> None:
    if not profile.full_name:
        message = "A person needs a displayName, or a firstName or lastName."
        raise Invalid(message, fields={"displayName": message})
    if not is_email_address(profile.email):
        message = "A person needs a valid e-mail address."
        raise Invalid(message, fields={"emails": message})
    lock_address(tx, profile.email)
    if queries.is_address_taken(tx, profile.email, by_other_than=account_id):
        raise Conflict(f"The address {profile.email} is already in use.", code="address_taken")


def _require_of_here(
    tx: Transaction, organization: Organization, profile: Profile, own_domains: Collection[str]
) -> bool:
    """An address in a sandbox is in its domain, and nowhere else in one of the platform's; tells whether it is one."""
    domain = sandbox_people.find_domain(tx, organization.id)
    if domain is None:
        _require_foreign(profile, own_domains)
    else:
        sandbox_people.require_of(domain, profile.email)
    return domain is not None


def _require_foreign(profile: Profile, own_domains: Collection[str]) -> None:
    domain = profile.email.rpartition("@")[2].lower()
    if any(domain == own or domain.endswith(f".{own}") for own in own_domains):
        message = f"Addresses in {domain} belong to apps. Enter an address of the person's own."
        raise Invalid(message, fields={"emails": message})


def lock_address(tx: Transaction, email: str) -> None:
    """Of two accounts that get one address at the same time the second waits, and is then refused."""
    key = f"address:{email.lower()}"
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _is_sensitive(person: Account, profile: Profile) -> bool:
    """Whether the change locks out, renames, or gives somebody else the address."""
    return (profile.email.lower(), profile.full_name, profile.login_enabled) != (
        person.email.lower(),
        person.display_name,
        person.login_enabled,
    )


def _require_power_over(person: Account, by: Account) -> None:
    """Who is an administrator can be locked out or renamed only by a Full Administrator."""
    if person.roles:
        sentence = f"Only a Full Administrator can do this to {person.display_name}, who is an administrator."
        _require_full_administrator(by, person.organization_id, sentence)


def _require_full_administrator(account: Account, organization_id: uuid.UUID, sentence: str) -> None:
    if account.organization_id != organization_id or not account.has_any(Role.FULL_ADMIN):
        raise NotPermitted(sentence, roles=[Role.FULL_ADMIN.label])


def _require_roles_of(organization: Organization, roles: Collection[Role]) -> None:
    unknown = labels(frozenset(roles).difference(organization.roles))
    if unknown:
        sentence = f"There is no role {' or '.join(unknown)} in {organization.name}."
        raise Invalid(sentence, code="no_such_role", fields={"roles": sentence})


def _require_another_full_administrator(tx: Transaction, person: Account) -> None:
    if Role.FULL_ADMIN not in person.roles:
        return
    # Not FOR UPDATE, which would make everybody wait who only refers to the organization, and some of them for ever.
    organization = select(Organization.id).where(Organization.id == person.organization_id)
    tx.execute(organization.with_for_update(key_share=True))
    if not queries.has_usable_with_role(tx, person.organization_id, Role.FULL_ADMIN, other_than=person.id):
        message = "An organization keeps at least one Full Administrator. Make somebody else one first."
        raise Conflict(message, code="last_full_administrator")


def _record(
    tx: Transaction, type_: str, account: Account, by: Account | events.Actor, data: dict[str, Any]
) -> None:
    events.record(
        tx,
        type_,
        organization_id=account.organization_id,
        actor=by.as_actor() if isinstance(by, Account) else by,
        target=account.as_target(),
        data=data,
    )
