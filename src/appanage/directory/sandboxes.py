"""Sandboxes: organizations to try things out in, with people to try them out on."""

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, literal, select, tuple_

from appanage import events
from appanage.directory import queries
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization, Sandbox
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.kit.text import has_control_characters, slug
from appanage.storage import Transaction

EXTENDABLE_WITHIN = timedelta(days=14)
MOST_A_DAY = 10
"""Of one person, those that have ended too: each one stays, with its people and its record."""
_LONGEST_NAME = 80
_RANDOM_BYTES = 6


@dataclass(frozen=True, slots=True)
class SandboxRules:
    """What the deployment says of sandboxes: the domain of their people, how many one person has, how long one lives."""

    domain: str
    most: int
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class _Sample:
    first_name: str
    last_name: str
    title: str
    department: str
    roles: tuple[Role, ...] = ()


SAMPLE_PEOPLE = (
    _Sample("Maya", "Lindqvist", "IT manager", "IT", (Role.READONLY_ADMIN,)),
    _Sample("Tomás", "Herrera", "HR specialist", "Human resources", (Role.USER_ADMIN,)),
    _Sample("Aiko", "Tanaka", "Records officer", "Legal", (Role.COMPLIANCE_OFFICER,)),
    _Sample("Samuel", "Okafor", "Workplace engineer", "Facilities", (Role.DEVICE_ADMIN,)),
    _Sample("Claire", "Dubois", "Account manager", "Sales"),
)
"""Who is in a sandbox beside its administrator: one for each of the roles that see different things, one without any."""


def found(tx: Transaction, owner: Account, name: str, *, rules: SandboxRules) -> Sandbox:
    """An organization with people and an administrator, who has no password yet.

    Raises Invalid for the name, NotPermitted for who is no person at home in an organization of the usual kind, and
    Conflict for who has as many sandboxes as one can have.
    """
    name = _checked(name)
    by = _require_founder(tx, owner)
    _require_room(tx, by, rules)
    domain = f"{secrets.token_hex(_RANDOM_BYTES)}.{rules.domain}"
    organization = directory.create_organization(tx, name, by=by.as_actor())
    administrator = _add_administrator(tx, organization, by, domain)
    for sample in SAMPLE_PEOPLE:
        _add_sample(tx, organization, sample, domain, by)
    made = Sandbox(
        organization_id=organization.id,
        organization=organization,
        owner_id=by.id,
        administrator_id=administrator.id,
        administrator=administrator,
        created_at=tx.now,
        expires_at=tx.now + rules.lifetime,
    )
    tx.add(made)
    tx.flush()
    record(tx, "sandbox.created", made, by=by.as_actor(), home=by.organization)
    return made


def extend(tx: Transaction, owner: Account, organization_id: uuid.UUID, *, rules: SandboxRules) -> Sandbox:
    """Gives the sandbox its lifetime once more, from now on; only when it is soon to end."""
    sandbox = get_owned(tx, owner, organization_id, for_update=True)
    _require_open(sandbox, tx.now)
    if tx.now < extendable_from(sandbox):
        sentence = f"{sandbox.organization.name} can be extended from {extendable_from(sandbox):%Y-%m-%d} on."
        raise Conflict(sentence, code="too_early")
    sandbox.expires_at = tx.now + rules.lifetime
    record(tx, "sandbox.extended", sandbox, by=owner.as_actor(), home=owner.organization)
    return sandbox


def extendable_from(sandbox: Sandbox) -> datetime:
    return sandbox.expires_at - EXTENDABLE_WITHIN


def suspend(tx: Transaction, sandbox: Sandbox) -> None:
    """Suspends the organization for good; a repeat changes nothing."""
    sandbox.organization.suspended_at = sandbox.organization.suspended_at or tx.now
    tx.flush()


def close(tx: Transaction, sandbox: Sandbox, *, by: events.Actor) -> None:
    """Suspends it and says so. Whoever is above in the building ends what it authorized before."""
    suspend(tx, sandbox)
    sandbox.ended_at = tx.now
    owner = tx.get_one(Account, sandbox.owner_id)
    record(tx, "sandbox.ended", sandbox, by=by, home=owner.organization)


def get_owned(
    tx: Transaction, owner: Account, organization_id: uuid.UUID, *, for_update: bool = False
) -> Sandbox:
    """A sandbox of this person; anybody else's does not exist for them."""
    query = select(Sandbox).where(Sandbox.organization_id == organization_id, Sandbox.owner_id == owner.id)
    return _one(tx, query.with_for_update(of=Sandbox) if for_update else query)


def lock(tx: Transaction, organization_id: uuid.UUID) -> Sandbox:
    query = select(Sandbox).where(Sandbox.organization_id == organization_id)
    return _one(tx, query.with_for_update(of=Sandbox))


def list_owned(tx: Transaction, owner: Account, page: PageRequest) -> Page[Sandbox]:
    """A person's sandboxes, the newest first; also those that have ended."""
    query = select(Sandbox).where(Sandbox.owner_id == owner.id)
    if page.after is not None:
        at, last_id = _place(page.after)
        place = tuple_(literal(at), literal(last_id))
        query = query.where(tuple_(Sandbox.created_at, Sandbox.organization_id) < place)
    order = Sandbox.created_at.desc(), Sandbox.organization_id.desc()
    rows = list(tx.scalars(query.order_by(*order).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.created_at.isoformat(), str(last.organization_id))) if last else None
    return Page(rows[: page.size], cursor)


def list_overdue(tx: Transaction, *, most: int, but: Collection[uuid.UUID] = ()) -> Sequence[uuid.UUID]:
    """Those that nobody has ended yet although their time is over, the oldest first."""
    query = select(Sandbox.organization_id).where(
        Sandbox.expires_at <= tx.now, Sandbox.ended_at.is_(None), Sandbox.organization_id.not_in(but)
    )
    return list(tx.scalars(query.order_by(Sandbox.expires_at).limit(most)))


def find_end(tx: Transaction, organization_id: uuid.UUID) -> datetime | None:
    """When the organization ends; None for one that is no sandbox."""
    query = select(Sandbox.expires_at).where(Sandbox.organization_id == organization_id)
    return tx.scalar(query)


def require_none(tx: Transaction, organization: Organization, sentence: str) -> None:
    """Raises Conflict for what a sandbox cannot be or do."""
    if find_end(tx, organization.id) is not None:
        raise Conflict(f"{organization.name} is a sandbox: {sentence}", code="sandbox")


def record(tx: Transaction, type_: str, sandbox: Sandbox, *, by: events.Actor, home: Organization) -> None:
    """In the sandbox, and where its developer is at home."""
    organization = sandbox.organization
    data = {"sandboxId": str(organization.id), "endsAt": sandbox.expires_at.isoformat()}
    for place in (home, organization):
        target = events.Target("organization", str(organization.id), organization.name, place.id, place.name)
        events.record(tx, type_, organization_id=place.id, actor=by, target=target, data=data)


def _checked(name: str) -> str:
    name = name.strip()
    problem = ""
    if not name:
        problem = "Give the sandbox a name."
    elif len(name) > _LONGEST_NAME:
        problem = f"The name has {len(name)} characters; at most {_LONGEST_NAME} are possible."
    elif has_control_characters(name):
        problem = "The name contains control characters or line breaks."
    if problem:
        raise Invalid(problem, fields={"name": problem})
    return name


def _require_founder(tx: Transaction, owner: Account) -> Account:
    """The person as they are now, locked, so that of two sandboxes at the same time the second one is counted too."""
    by = queries.find_account_for_update(tx, owner.id)
    if by is None or not by.is_active or not by.is_person:
        raise NotPermitted("Only a person makes sandboxes.", code="person_needed")
    require_none(tx, by.organization, "sandboxes are made at home.")
    return by


def _require_room(tx: Transaction, owner: Account, rules: SandboxRules) -> None:
    count = select(func.count()).where(Sandbox.owner_id == owner.id, Sandbox.ended_at.is_(None))
    if (tx.scalar(count) or 0) >= rules.most:
        sentence = f"You have {rules.most} sandboxes already. End one to make another."
        raise Conflict(sentence, code="too_many_sandboxes")
    is_of_today = Sandbox.created_at > tx.now - timedelta(days=1)
    today = tx.scalar(select(func.count()).where(Sandbox.owner_id == owner.id, is_of_today)) or 0
    if today >= MOST_A_DAY:
        sentence = f"You have made {MOST_A_DAY} sandboxes within a day. Try again tomorrow."
        raise Conflict(sentence, code="too_many_sandboxes")


def _require_open(sandbox: Sandbox, now: datetime) -> None:
    if not sandbox.is_open or sandbox.expires_at <= now:
        raise Conflict(f"{sandbox.organization.name} has ended.", code="sandbox_ended")


def _add_administrator(tx: Transaction, organization: Organization, by: Account, domain: str) -> Account:
    """The developer under another account: one who ends with the sandbox."""
    profile = Profile(
        f"{slug(by.display_name) or 'sandbox'}-admin@{domain}",
        display_name=by.display_name,
        first_name=by.first_name,
        last_name=by.last_name,
        title="Sandbox administrator",
    )
    roles = (Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER)
    return directory.create_person(tx, organization, profile, by=by.as_actor(), own_domains=(), roles=roles)


def _add_sample(
    tx: Transaction, organization: Organization, sample: _Sample, domain: str, by: Account
) -> None:
    name = f"{sample.first_name} {sample.last_name}"
    profile = Profile(
        f"{slug(name).replace('-', '.')}@{domain}",
        display_name=name,
        first_name=sample.first_name,
        last_name=sample.last_name,
        title=sample.title,
        department=sample.department,
    )
    directory.create_person(tx, organization, profile, by=by.as_actor(), own_domains=(), roles=sample.roles)


def _one(tx: Transaction, query: Select[Sandbox]) -> Sandbox:
    sandbox = tx.scalar(query.execution_options(populate_existing=True))
    if sandbox is None:
        raise no_such_sandbox()
    return sandbox


def no_such_sandbox() -> NotFound:
    return NotFound("There is no sandbox with this id, or it is not yours.", code="sandbox_not_found")


def _place(key: tuple[str, ...]) -> tuple[datetime, uuid.UUID]:
    last_id = parse_uuid(key[1]) if len(key) == 2 else None
    try:
        at = datetime.fromisoformat(key[0])
    except ValueError as cause:
        raise unknown_cursor() from cause
    if last_id is None or at.tzinfo is None:
        raise unknown_cursor()
    return at, last_id
