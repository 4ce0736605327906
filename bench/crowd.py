"""A crowd: a database with as many authorizations as wanted, and tokens for some of them, spread over all.

One row of each kind is made by the deployment's own functions. PostgreSQL copies it, changed where it must be, so that
ten million take minutes and look like those that people made.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import func, insert, select

from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind
from appanage.authorizations import consents
from appanage.authorizations.model import Authorization, RefreshToken
from appanage.authorizations.tokens import TokenGrant
from appanage.deployment import Deployment
from appanage.directory import service as directory
from appanage.directory.model import Account
from appanage.kit.errors import Refused
from appanage.kit.origin import command_line_origin
from appanage.storage import Transaction
from scene import NARRATOR, Customer, customer_of, make_person
from stage import Stage

_APPS = 10  # every person has so many apps connected
_SCOPES = ("spark:people_read",)
_TABLES = ("accounts", "authorizations", "refresh_tokens")
_AT_A_TIME = 1000

_NEW_ID, _NEW_DIGEST = SQL("gen_random_uuid()"), SQL("sha256(uuid_send(gen_random_uuid()))")


@dataclass(frozen=True, slots=True)
class Crowd:
    database: str
    size: int
    customers: Sequence[Customer]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What is copied; and the secrets of the apps by their client ids."""

    person: uuid.UUID
    authorization: uuid.UUID
    refresh_token: uuid.UUID
    secrets: Mapping[str, str]


def gather(stage: Stage, name: str, *, size: int, customers: int) -> Crowd:
    """A new database with `size` authorizations, and tokens of their own for `customers` of them."""
    stage.say(f"Loading {size:,} authorizations")
    database = stage.new_database(name)
    with stage.deployment(database) as deployment:
        pattern = _make_pattern(deployment)
        with loading(stage, database) as connection:
            _multiply(connection, pattern, size)
        stage.say(f"Issuing tokens for {customers:,} of them")
        return Crowd(database, size, _customers(deployment, pattern, customers))


def add_expired(stage: Stage, crowd: Crowd, rows: int) -> None:
    """So many refresh tokens of the crowd that expired in the last week."""
    stage.say(f"Loading {rows:,} expired refresh tokens")
    with loading(stage, crowd.database) as connection:
        template = connection.execute("SELECT id FROM refresh_tokens LIMIT 1").fetchone()
        assert template is not None
        expired = SQL("now() - random() * interval '7 days'")
        each = SQL("authorizations AS held, generate_series(1, {})").format(Literal(rows // crowd.size))
        _copy(connection, "refresh_tokens", template[0], each, expires_at=expired, **_REFRESH_TOKEN)


@contextmanager
def loading(stage: Stage, database: str) -> Iterator[Connection[Any]]:
    """A connection for much at once: without triggers, and with the indexes built when all rows are there."""
    with stage.connected(database) as connection:
        _set_for_all(connection, "max_wal_size = '8GB'")
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        with _without_indexes(connection):
            yield connection
        for table in _TABLES:
            connection.execute(SQL("VACUUM (ANALYZE) {}").format(Identifier(table)))
        _set_for_all(connection, None)
        connection.execute("CHECKPOINT")


def _make_pattern(deployment: Deployment) -> _Pattern:
    with deployment.transaction(command_line_origin()) as tx:
        organization = directory.create_organization(tx, "Crowd", by=NARRATOR)
        developer = make_person(tx, organization, "The Developer")
        made = [_make_app(tx, deployment, developer, number) for number in range(_APPS)]
        person = make_person(tx, organization, "Crowd 0")
        authorization = consents.allow(tx, made[0][0], person, scopes=_SCOPES)
        assert not isinstance(authorization, Refused), authorization
        _, row = deployment.issuer.issue(tx, TokenGrant(authorization.standing, authorization.usable_scopes))
        secrets = {app.client_id: secret for app, secret in made}
        return _Pattern(person.id, authorization.id, row.id, secrets)


def _make_app(tx: Transaction, deployment: Deployment, developer: Account, number: int) -> tuple[App, str]:
    draft = AppDraft(
        f"Calendar Helper {number}",
        kind=AppKind.INTEGRATION,
        description="Helps with calendars.",
        contact_email=developer.email,
        scopes=_SCOPES,
        redirect_urls=["https://app.example.com/callback"],
    )
    app, secret = apps.create_client(tx, draft, by=developer, rules=deployment.app_rules)
    assert secret is not None
    return app, secret.reveal()


def _multiply(connection: Connection[Any], pattern: _Pattern, size: int) -> None:
    """People, each with every app connected, and a refresh token for each of these connections."""
    people = SQL("generate_series(1, {}) AS number").format(Literal(-(-size // _APPS)))
    name = SQL("'Crowd ' || number")
    address = SQL("'crowd-' || number || '@crowd.example'")
    _copy(connection, "accounts", pattern.person, people, id=_NEW_ID, email=address, display_name=name)
    connected = SQL("accounts AS person CROSS JOIN apps AS app WHERE person.email LIKE 'crowd-%'")
    _copy(
        connection,
        "authorizations",
        pattern.authorization,
        connected,
        id=_NEW_ID,
        app_id=SQL("app.id"),
        account_id=SQL("person.id"),
        authorized_by=SQL("person.id"),
    )
    _copy(
        connection, "refresh_tokens", pattern.refresh_token, SQL("authorizations AS held"), **_REFRESH_TOKEN
    )


_REFRESH_TOKEN = {"id": _NEW_ID, "digest": _NEW_DIGEST, "authorization_id": SQL("held.id")}


def _copy(
    connection: Connection[Any], table: str, template: uuid.UUID, source: Composable, **changed: Composable
) -> None:
    """A copy of the row for each row of `source`, with the columns `changed`."""
    columns = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' AND attidentity = ''",
        [table],
    ).fetchall()
    names = [name for (name,) in columns]
    values = [changed.get(name, SQL("template.") + Identifier(name)) for name in names]
    copied = SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT * FROM {table} WHERE id = {id}) AS template, {source}"
    )
    connection.execute(
        copied.format(
            table=Identifier(table),
            names=SQL(", ").join(map(Identifier, names)),
            values=SQL(", ").join(values),
            id=Literal(template),
            source=source,
        )
    )


@contextmanager
def _without_indexes(connection: Connection[Any]) -> Iterator[None]:
    """Takes away every index but the primary keys and puts them back."""
    found = connection.execute(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), "
        "pg_get_constraintdef(c.oid) FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid "
        "AND c.contype = 'u' WHERE NOT i.indisprimary AND i.indrelid = ANY(%s::regclass[])",
        [list(_TABLES)],
    ).fetchall()
    for table, index, _, constraint in found:
        drop = f"ALTER TABLE {table} DROP CONSTRAINT {index}" if constraint else f"DROP INDEX {index}"
        connection.execute(drop)
    yield
    for table, index, definition, constraint in found:
        make = f"ALTER TABLE {table} ADD CONSTRAINT {index} {constraint}" if constraint else definition
        connection.execute(make)


def _set_for_all(connection: Connection[Any], setting: str | None) -> None:
    """A setting of the whole server, or all of them as they were."""
    connection.execute(f"ALTER SYSTEM SET {setting}" if setting else "ALTER SYSTEM RESET ALL")
    connection.execute("SELECT pg_reload_conf()")


def _customers(deployment: Deployment, pattern: _Pattern, number: int) -> list[Customer]:
    """Authorizations by chance, each with a new pair of tokens."""
    by_chance = select(Authorization.id).order_by(func.random()).limit(number)
    with deployment.transaction(command_line_origin()) as tx:
        ids = tx.scalars(by_chance).all()
    found: list[Customer] = []
    for begin in range(0, number, _AT_A_TIME):
        found += _issue(deployment, pattern, ids[begin : begin + _AT_A_TIME])
    return found


def _issue(deployment: Deployment, pattern: _Pattern, ids: Sequence[uuid.UUID]) -> list[Customer]:
    with deployment.transaction(command_line_origin()) as tx:
        deployment.keys.keep_current(tx)
        rows = tx.scalars(select(Authorization).where(Authorization.id.in_(ids)))
        known = {row.id: row for row in rows}
        made = [_pair(deployment, pattern, known[one], tx) for one in ids]
        tx.execute(insert(RefreshToken), [columns for _, columns in made])
        return [customer for customer, _ in made]


def _pair(
    deployment: Deployment, pattern: _Pattern, authorization: Authorization, tx: Transaction
) -> tuple[Customer, dict[str, Any]]:
    grant = TokenGrant(authorization.standing, authorization.usable_scopes)
    pair, columns = deployment.issuer.issued(grant, tx.now)
    secret = pattern.secrets[authorization.app.client_id]
    return customer_of(authorization.app, secret, pair), columns
