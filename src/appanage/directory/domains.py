"""Verified domains: the operator vouches that a domain is an organization's, so that it can be found by it."""

import re

import idna
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from appanage import events
from appanage.directory import sandboxes
from appanage.directory.model import Organization, OrganizationDomain
from appanage.kit.errors import Conflict, Invalid, NotFound
from appanage.storage import Transaction

_LONGEST = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def find_organization_by_domain(tx: Transaction, domain: str) -> Organization | None:
    """Whose verified domain this is, in whatever spelling; a subdomain is a domain of its own.

    The organization may be suspended. Whether the asker may learn that there is one is the caller's to decide.
    """
    try:
        name = normalized(domain)
    except Invalid:
        return None
    query = select(Organization).join(
        OrganizationDomain, OrganizationDomain.organization_id == Organization.id
    )
    return tx.scalar(query.where(OrganizationDomain.domain == name))


def list_domains(
    tx: Transaction, organization: Organization | None = None
) -> list[tuple[OrganizationDomain, Organization]]:
    """The verified domains of an organization, or of all for the operator, each with whose it is; by name."""
    owner = Organization.id == OrganizationDomain.organization_id
    query = select(OrganizationDomain, Organization).join(Organization, owner)
    if organization is not None:
        query = query.where(Organization.id == organization.id)
    return [(found, of) for found, of in tx.execute(query.order_by(OrganizationDomain.domain))]


def verify(tx: Transaction, domain: str, organization: Organization, *, by: events.Actor) -> str:
    """Notes that the domain is the organization's; a repeat changes nothing. The domain as it is kept.

    Whoever calls has made sure of it. Raises Invalid for what is no domain, Conflict for another organization's.
    """
    name = normalized(domain)
    sandboxes.require_none(tx, organization, "it has no domain of its own.")
    # Of two organizations that are given one domain at the same time the second waits, and is then refused.
    row = {
        "domain": name,
        "organization_id": organization.id,
        "verified_at": tx.now,
        "verified_by_name": by.name,
    }
    added = insert(OrganizationDomain).values(row).on_conflict_do_nothing()
    if tx.scalar(added.returning(OrganizationDomain.domain)) is None:
        _require_own(tx, name, organization)
        return name
    _record(tx, "domain.verified", name, organization, by=by)
    return name


def remove(tx: Transaction, domain: str, *, by: events.Actor) -> Organization:
    """Forgets that the domain is somebody's; the organization whose it was. Raises NotFound, and Invalid as `verify`."""
    name = normalized(domain)
    removed = delete(OrganizationDomain).where(OrganizationDomain.domain == name)
    organization_id = tx.scalar(removed.returning(OrganizationDomain.organization_id))
    if organization_id is None:
        raise NotFound(f"No organization has the verified domain {name}.")
    organization = tx.get_one(Organization, organization_id)
    _record(tx, "domain.removed", name, organization, by=by)
    return organization


def normalized(domain: str) -> str:
    """The one spelling by which a domain is known: in lower-case ASCII (RFC 5891), without a dot at the end.

    Raises Invalid for what is no domain that somebody could register.
    """
    try:
        name = idna.encode(domain.strip(), uts46=True).decode("ascii").removesuffix(".")
    except (idna.IDNAError, UnicodeError) as cause:
        raise _no_domain(domain) from cause
    labels = name.split(".")
    # By the rule of browsers, what ends in a number is an address (WHATWG URL §3.5).
    if len(labels) < 2 or len(name) > _LONGEST or _NUMBER.fullmatch(labels[-1]):
        raise _no_domain(domain)
    return name


def _require_own(tx: Transaction, name: str, organization: Organization) -> None:
    owner_id = tx.scalar(select(OrganizationDomain.organization_id).where(OrganizationDomain.domain == name))
    if owner_id != organization.id:
        owner = tx.get(Organization, owner_id) if owner_id else None
        sentence = f"The domain {name} is verified for {owner.name if owner else 'another organization'}."
        raise Conflict(sentence, code="domain_taken")


def _no_domain(given: str) -> Invalid:
    sentence = f"{given[:80]} is no domain. Write one such as example.com."
    return Invalid(sentence, code="no_domain", fields={"domain": sentence})


def _record(tx: Transaction, type_: str, name: str, organization: Organization, *, by: events.Actor) -> None:
    events.record(
        tx,
        type_,
        organization_id=organization.id,
        actor=by,
        target=events.Target("domain", name, name, organization.id, organization.name),
    )
