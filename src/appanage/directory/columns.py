"""Accounts as columns, read for many requests at once, for who shows them and changes nothing."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row

from appanage.directory.model import AccountKind
from appanage.directory.roles import Role, known_roles


class AccountColumns(NamedTuple):
    """What there is to show of an account; the fields are those of `Account`. `license_codes` go with `license_ids`."""

    id: uuid.UUID
    organization_id: uuid.UUID
    kind: str
    email: str
    display_name: str
    first_name: str
    last_name: str
    nick_name: str
    avatar: str | None
    title: str | None
    department: str | None
    manager: str | None
    manager_id: uuid.UUID | None
    extension: str | None
    location_id: str | None
    time_zone: str | None
    phone_numbers: list[dict[str, Any]]
    addresses: list[dict[str, Any]]
    site_urls: list[str]
    sip_addresses: list[dict[str, Any]]
    invite_pending: bool
    login_enabled: bool
    created_at: datetime
    modified_at: datetime
    role_keys: list[str]
    license_ids: list[uuid.UUID]
    license_codes: list[str]

    @property
    def is_machine(self) -> bool:
        return self.kind == AccountKind.MACHINE

    @property
    def roles(self) -> frozenset[Role]:
        return known_roles(self.role_keys)


async def find_accounts(
    connection: AsyncConnection[Any], account_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, AccountColumns]:
    """Each of these accounts that there is."""
    cursor: AsyncCursor[AccountColumns] = connection.cursor(
        row_factory=class_row(AccountColumns), binary=True
    )
    await cursor.execute(_ACCOUNTS, (list(account_ids),), prepare=True)
    return {row.id: row for row in await cursor.fetchall()}


_HERE = frozenset({"role_keys", "license_ids", "license_codes"})
_ACCOUNTS = f"""
SELECT {", ".join(name for name in AccountColumns._fields if name not in _HERE)},
    ARRAY(SELECT role FROM account_roles WHERE account_id = accounts.id) AS role_keys,
    ARRAY(SELECT license_id FROM account_licenses WHERE account_id = accounts.id ORDER BY license_id) AS license_ids,
    ARRAY(
        SELECT code FROM account_licenses JOIN licenses ON licenses.id = license_id
        WHERE account_id = accounts.id ORDER BY license_id
    ) AS license_codes
FROM accounts WHERE id = ANY(%s) AND deleted_at IS NULL
"""  # noqa: S608 – our own words
