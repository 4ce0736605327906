"""Every read of the directory, always inside one organization."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import selectinload

from appanage.directory.model import Account, AccountKind, AccountLicense, AccountRole, License, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid
from appanage.kit.paging import Page, PageRequest, encode_cursor, unknown_cursor
from appanage.storage import Transaction


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """`display_name` matches beginnings of the full name or of any word in it; `search` those, or of the address."""

    search: str = ""
    email: str | None = None
    display_name: str | None = None
    ids: Collection[uuid.UUID] | None = None
    roles: Collection[Role] | None = None
    license_id: uuid.UUID | None = None
    location_id: str | None = None
    kinds: Collection[AccountKind] = (AccountKind.PERSON, AccountKind.BOT)


def get_organization(tx: Transaction, organization_id: uuid.UUID) -> Organization:
    found = tx.get(Organization, organization_id)
    if found is None:
        raise NotFound("There is no organization with this id.")
    return found


def list_organizations_named(tx: Transaction, name: str) -> Sequence[Organization]:
    """Organizations with exactly this name, whatever its capitals; names are not unique. For the operator."""
    query = select(Organization).where(func.lower(Organization.name) == name.strip().lower())
    return list(tx.scalars(query.order_by(Organization.created_at, Organization.id)))


def find_account(tx: Transaction, account_id: uuid.UUID) -> Account | None:
    """The account, unless it was deleted. For what names an account by itself, such as a session or a token."""
    return tx.scalar(select(Account).where(Account.id == account_id, Account.deleted_at.is_(None)))


def find_account_for_update(tx: Transaction, account_id: uuid.UUID) -> Account | None:
    """As `find_account`, freshly read and locked, so that its roles and state stay as they are until the commit."""
    query = select(Account).where(Account.id == account_id, Account.deleted_at.is_(None))
    # Not FOR UPDATE, which would also make everybody wait who only refers to the account, such as a sign-in.
    locked = query.with_for_update(of=Account, key_share=True)
    return tx.scalar(locked.execution_options(populate_existing=True))


def find_person_by_email(tx: Transaction, email: str) -> Account | None:
    """The person who signs in with this address; addresses are unique in the whole platform."""
    query = select(Account).where(
        func.lower(Account.email) == func.lower(email),
        Account.deleted_at.is_(None),
        Account.kind == AccountKind.PERSON,
    )
    return tx.scalar(query)


def is_address_taken(tx: Transaction, email: str, *, by_other_than: uuid.UUID | None = None) -> bool:
    query = select(Account.id).where(
        func.lower(Account.email) == func.lower(email), Account.deleted_at.is_(None)
    )
    if by_other_than is not None:
        query = query.where(Account.id != by_other_than)
    return tx.scalar(query) is not None


def get_account(
    tx: Transaction, organization_id: uuid.UUID, account_id: uuid.UUID, *, for_update: bool = False
) -> Account:
    query = select(Account).where(
        Account.id == account_id, Account.organization_id == organization_id, Account.deleted_at.is_(None)
    )
    if for_update:
        query = query.with_for_update(of=Account, key_share=True).execution_options(populate_existing=True)
    found = tx.scalar(query)
    if found is None:
        raise NotFound("There is no person with this id.")
    return found


def list_people(
    tx: Transaction, organization_id: uuid.UUID, wanted: PeopleFilter, page: PageRequest
) -> Page[Account]:
    """People of one organization in the order of their names."""
    query = _people(organization_id, wanted)
    order = (func.lower(Account.display_name), Account.id)
    if page.after is not None:
        name, account_id = _after(page.after)
        query = query.where(tuple_(*order) > tuple_(func.lower(literal(name)), literal(account_id)))
    query = query.options(selectinload(Account.license_rows))
    rows = list(tx.scalars(query.order_by(*order).limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.display_name, str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def count_people(tx: Transaction, organization_id: uuid.UUID, wanted: PeopleFilter) -> int:
    return tx.scalar(select(func.count()).select_from(_people(organization_id, wanted).subquery())) or 0


def list_with_role(
    tx: Transaction, organization_id: uuid.UUID, role: Role, *, limit: int = 20
) -> Sequence[Account]:
    wanted = PeopleFilter(roles=[role], kinds=[AccountKind.PERSON])
    return list_people(tx, organization_id, wanted, PageRequest(limit)).items


def has_usable_with_role(
    tx: Transaction, organization_id: uuid.UUID, role: Role, *, other_than: uuid.UUID
) -> bool:
    """Whether somebody else holds the role and can sign in; asked of the database, not of what was read before."""
    query = select(Account.id).where(
        Account.organization_id == organization_id,
        Account.id != other_than,
        Account.deleted_at.is_(None),
        Account.login_enabled,
        exists().where(AccountRole.account_id == Account.id, AccountRole.role == role.value),
    )
    return tx.scalar(query.limit(1)) is not None


def count_usable_with_role(tx: Transaction, organization_id: uuid.UUID, role: Role) -> int:
    """How many people hold the role and can sign in."""
    query = select(func.count()).where(
        Account.organization_id == organization_id,
        Account.deleted_at.is_(None),
        Account.login_enabled,
        exists().where(AccountRole.account_id == Account.id, AccountRole.role == role.value),
    )
    return tx.scalar(query) or 0


def list_licenses(tx: Transaction, organization_id: uuid.UUID) -> Sequence[License]:
    query = select(License).where(License.organization_id == organization_id)
    return list(tx.scalars(query.order_by(License.name, License.id)))


def get_license(tx: Transaction, organization_id: uuid.UUID, license_id: uuid.UUID) -> License:
    found = tx.scalar(
        select(License).where(License.id == license_id, License.organization_id == organization_id)
    )
    if found is None:
        raise NotFound("There is no license with this id.")
    return found


def consumed_units(tx: Transaction, organization_id: uuid.UUID) -> Mapping[uuid.UUID, int]:
    """How many people have each license of the organization."""
    query = (
        select(AccountLicense.license_id, func.count())
        .join(License, License.id == AccountLicense.license_id)
        .join(Account, Account.id == AccountLicense.account_id)
        .where(License.organization_id == organization_id, Account.deleted_at.is_(None))
        .group_by(AccountLicense.license_id)
    )
    return dict(tx.execute(query).all())


def _people(organization_id: uuid.UUID, wanted: PeopleFilter) -> Select[Account]:
    query = select(Account).where(
        Account.organization_id == organization_id,
        Account.deleted_at.is_(None),
        Account.kind.in_([kind.value for kind in wanted.kinds]),
    )
    if wanted.search:
        address = func.lower(Account.email).startswith(wanted.search.lower(), autoescape=True)
        query = query.where(or_(_begins_with(wanted.search), address))
    if wanted.email:
        query = query.where(func.lower(Account.email) == func.lower(wanted.email))
    if wanted.display_name:
        query = query.where(_begins_with(wanted.display_name))
    if wanted.ids is not None:
        query = query.where(Account.id.in_(wanted.ids))
    if wanted.roles is not None:
        query = query.where(
            exists().where(
                AccountRole.account_id == Account.id, AccountRole.role.in_([r.value for r in wanted.roles])
            )
        )
    if wanted.license_id is not None:
        query = query.where(
            exists().where(
                AccountLicense.account_id == Account.id, AccountLicense.license_id == wanted.license_id
            )
        )
    if wanted.location_id is not None:
        query = query.where(Account.location_id == wanted.location_id)
    return query


def _begins_with(text: str) -> ColumnElement[bool]:
    name = Account.display_name
    return or_(name.istartswith(text, autoescape=True), name.icontains(f" {text}", autoescape=True))


def _after(key: tuple[str, ...]) -> tuple[str, uuid.UUID]:
    account_id = parse_uuid(key[1]) if len(key) == 2 else None
    if account_id is None:
        raise unknown_cursor()
    return key[0], account_id
