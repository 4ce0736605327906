"""The hot statements: each answers many requests at once, in one round trip and one commit (design decision 5).

They read and write columns, not objects, and know no rules: what they found is decided on elsewhere, and what was
decided is written only if the rows are still as they were found. Nothing here waits for a lock: a row that somebody
else holds, or has changed meanwhile, is left out, and whoever asked for it goes the patient way.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import namedtuple_row

from appanage.apps.model import ClientProof
from appanage.apps.model import is_active as is_active_app
from appanage.authorizations.model import AuthorizationKind
from appanage.authorizations.standing import Standing
from appanage.directory.model import is_active as is_active_account
from appanage.directory.roles import known_roles

Connection = AsyncConnection[Any]


class FoundRefreshToken(NamedTuple):
    """The columns of a refresh token. `version` tells whether the row has changed since."""

    digest: bytes
    id: uuid.UUID
    version: int
    authorization_id: uuid.UUID
    scopes: list[str] | None
    resource: str | None
    key_thumbprint: str | None
    is_proven: bool
    issued_at: datetime
    expires_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None


class FoundCode(NamedTuple):
    """The columns of an authorization code, of its browser session and of what it was issued under."""

    digest: bytes
    version: int
    authorization_version: int
    spent_at: datetime | None
    is_open: bool
    redirect_uri: str
    redirect_uri_was_given: bool
    scopes: list[str]
    resource: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    key_thumbprint: str | None
    nonce: str | None
    authenticated_at: datetime
    session_id: uuid.UUID
    issued_at: datetime
    expires_at: datetime
    standing: Standing


class Renewal(Struct, frozen=True):
    """What is to be written of one refresh. `successor` is the digest of the token that takes the place of this one."""

    found: FoundRefreshToken
    expires_at: datetime
    ends_at: datetime | None
    successor: bytes | None


class Redemption(Struct, frozen=True):
    """What is to be written of one code: `refresh_token` are the columns of the new row."""

    found: FoundCode
    refresh_token: Mapping[str, Any]


async def find_standings(
    connection: Connection, authorization_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Standing]:
    """What holds of each of these authorizations that there is."""
    cursor: AsyncCursor[Any] = connection.cursor(row_factory=namedtuple_row, binary=True)
    await cursor.execute(_STANDINGS, (list(authorization_ids),), prepare=True)
    return {row.authorization_id: _standing(row) for row in await cursor.fetchall()}


async def find_refresh_tokens(
    connection: Connection, digests: Collection[bytes]
) -> dict[bytes, FoundRefreshToken]:
    """Each of these refresh tokens that there is, by its digest."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(_REFRESH_TOKENS, (_array(map(_bytes, digests)),), prepare=True)
    return {row[0]: FoundRefreshToken._make(row) for row in await cursor.fetchall()}


async def renew_refresh_tokens(
    connection: Connection, renewals: Sequence[Renewal], now: datetime
) -> frozenset[uuid.UUID]:
    """Writes the renewals of rows that are free and as they were found; tells of which."""
    columns = (
        _array(one.found.id.hex for one in renewals),
        _array(str(one.found.version) for one in renewals),
        _array(_moment(one.expires_at) for one in renewals),
        _array(_moment(one.ends_at) for one in renewals),
        _array(_bytes(one.successor) for one in renewals),
    )
    cursor = connection.cursor(binary=True)
    await cursor.execute(_RENEW, (*columns, now, now, now), prepare=True)
    return frozenset(renewals[place - 1].found.id for (place,) in await cursor.fetchall())


async def find_codes(connection: Connection, digests: Collection[bytes]) -> dict[bytes, FoundCode]:
    """Each of these authorization codes that there is, by its digest."""
    cursor: AsyncCursor[Any] = connection.cursor(row_factory=namedtuple_row, binary=True)
    await cursor.execute(_CODES, (list(digests),), prepare=True)
    return {row.digest: _code(row) for row in await cursor.fetchall()}


async def redeem_codes(
    connection: Connection, redemptions: Sequence[Redemption], now: datetime
) -> frozenset[bytes]:
    """Spends codes that are free and as they were found, and writes their refresh tokens; tells of which codes."""
    columns = (
        [one.found.digest for one in redemptions],
        [one.found.version for one in redemptions],
        [one.found.authorization_version for one in redemptions],
        *([one.refresh_token[name] for one in redemptions] for name in _NEW_COLUMNS),
        # An array has no arrays of different lengths in it; no scope holds a space (RFC 6749 §3.3).
        [" ".join(one.refresh_token["scopes"]) for one in redemptions],
    )
    cursor = connection.cursor(binary=True)
    await cursor.execute(_REDEEM, (*columns, now), prepare=True)
    return frozenset(row[0] for row in await cursor.fetchall())


def _array(elements: Iterable[str]) -> str:
    """An array of elements that need no quotes, or have them. psycopg would look at each of them twice."""
    return "{" + ",".join(elements) + "}"


@lru_cache(maxsize=16)  # most of a group end at the same moment
def _moment(value: datetime | None) -> str:
    return f'"{value}"' if value else "NULL"


def _bytes(value: bytes | None) -> str:
    return f'"\\\\x{value.hex()}"' if value else "NULL"


def _standing(row: Any) -> Standing:
    return Standing(
        authorization_id=row.authorization_id,
        is_personal=row.kind == AuthorizationKind.PERSON,
        app_id=row.app_id,
        app_organization_id=row.app_organization_id,
        client_id=row.client_id,
        is_public=row.client_proof == ClientProof.NONE,
        is_strict=row.is_strict,
        is_app_active=is_active_app(
            row.app_deleted_at, row.app_suspended_at, row.app_organization_suspended_at
        ),
        registered=frozenset(row.registered),
        organization_id=row.organization_id,
        account_id=row.account_id,
        account_kind=row.account_kind,
        account_email=row.account_email,
        is_account_active=is_active_account(
            row.account_deleted_at, row.login_enabled, row.account_organization_suspended_at
        ),
        roles=known_roles(row.roles),
        scopes=frozenset(row.approved),
        valid_from=row.valid_from,
        app_valid_from=row.app_valid_from,
        ends_at=row.authorization_ends_at,
        ended_at=row.ended_at,
    )


def _code(row: Any) -> FoundCode:
    return FoundCode._make([*(getattr(row, name) for name in FoundCode._fields[:-1]), _standing(row)])


_STANDING_COLUMNS = """
    a.id AS authorization_id, a.kind, a.app_id, a.organization_id, a.account_id,
    a.scopes AS approved, greatest(a.valid_from, app.valid_from) AS valid_from, app.valid_from AS app_valid_from,
    a.ends_at AS authorization_ends_at, a.ended_at,
    app.organization_id AS app_organization_id, app.client_id, app.client_proof, app.is_strict,
    app.scopes AS registered, app.deleted_at AS app_deleted_at, app.suspended_at AS app_suspended_at,
    app_organization.suspended_at AS app_organization_suspended_at,
    account.kind AS account_kind, account.email AS account_email,
    account.deleted_at AS account_deleted_at, account.login_enabled,
    account_organization.suspended_at AS account_organization_suspended_at,
    ARRAY(SELECT role FROM account_roles WHERE account_id = account.id) AS roles
"""

_STANDING_TABLES = """
    JOIN apps app ON app.id = a.app_id
    JOIN organizations app_organization ON app_organization.id = app.organization_id
    JOIN accounts account ON account.id = a.account_id
    JOIN organizations account_organization ON account_organization.id = account.organization_id
"""

_STANDINGS = f"SELECT {_STANDING_COLUMNS} FROM authorizations a {_STANDING_TABLES} WHERE a.id = ANY(%s)"  # noqa: S608 – our own words

_REFRESH_TOKENS = """
SELECT digest, id, xmin::text::bigint, authorization_id, scopes, resource, key_thumbprint, is_proven, issued_at,
    expires_at, ends_at, revoked_at
FROM refresh_tokens WHERE digest = ANY(%s::bytea[])
"""

_RENEW = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::bytea[])
        WITH ORDINALITY AS wanted (id, version, expires_at, ends_at, successor, place)
), free AS MATERIALIZED (
    SELECT wanted.*, t.digest AS former
    FROM wanted JOIN refresh_tokens t ON t.id = wanted.id AND t.xmin::text::bigint = wanted.version
    FOR NO KEY UPDATE OF t SKIP LOCKED
), renewed AS (
    UPDATE refresh_tokens t
    SET last_used_at = %s, expires_at = free.expires_at, ends_at = free.ends_at,
        digest = coalesce(free.successor, t.digest),
        rotated_at = CASE WHEN free.successor IS NULL THEN t.rotated_at ELSE %s END
    FROM free WHERE t.id = free.id
    RETURNING free.place
), superseded AS (
    INSERT INTO superseded_refresh_tokens (digest, refresh_token_id, superseded_at)
    SELECT former, id, %s FROM free WHERE successor IS NOT NULL
)
SELECT place FROM renewed
"""

_CODES = f"""
SELECT c.digest, c.xmin::text::bigint AS version, a.xmin::text::bigint AS authorization_version, c.spent_at,
    session.id IS NOT NULL AND session.ended_at IS NULL AS is_open, c.redirect_uri, c.redirect_uri_was_given,
    c.scopes, c.resource, c.code_challenge, c.code_challenge_method, c.key_thumbprint, c.nonce, c.authenticated_at,
    c.session_id, c.issued_at, c.expires_at, {_STANDING_COLUMNS}
FROM authorization_codes c
    JOIN authorizations a ON a.id = c.authorization_id {_STANDING_TABLES}
    LEFT JOIN browser_sessions session ON session.id = c.session_id
WHERE c.digest = ANY(%s)
"""  # noqa: S608 – our own words

_NEW_COLUMNS = (
    "id",
    "digest",
    "authorization_id",
    "resource",
    "key_thumbprint",
    "is_proven",
    "issued_at",
    "expires_at",
    "ends_at",
)

_REDEEM = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%s::bytea[], %s::bigint[], %s::bigint[], %s::uuid[], %s::bytea[], %s::uuid[], %s::text[],
        %s::text[], %s::bool[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::text[])
        AS wanted (code, version, authorization_version, id, digest, authorization_id, resource, key_thumbprint,
            is_proven, issued_at, expires_at, ends_at, scopes)
), free AS MATERIALIZED (
    SELECT wanted.*
    FROM wanted
        JOIN authorization_codes c ON c.digest = wanted.code AND c.xmin::text::bigint = wanted.version
        JOIN authorizations a
            ON a.id = wanted.authorization_id AND a.xmin::text::bigint = wanted.authorization_version
    FOR NO KEY UPDATE OF c, a SKIP LOCKED
), spent AS (
    UPDATE authorization_codes c SET spent_at = %s, refresh_token_id = free.id
    FROM free WHERE c.digest = free.code
    RETURNING c.digest
), issued AS (
    INSERT INTO refresh_tokens (id, digest, authorization_id, resource, key_thumbprint, is_proven, issued_at,
        expires_at, ends_at, scopes)
    SELECT id, digest, authorization_id, resource, key_thumbprint, is_proven, issued_at, expires_at, ends_at,
        string_to_array(scopes, ' ')
    FROM free
)
SELECT digest FROM spent
"""
