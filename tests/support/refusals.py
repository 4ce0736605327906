"""What a refused request may leave behind: its event, and nothing else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import event, select, text

from appanage.directory.model import Organization
from appanage.events import Event
from appanage.storage import Record
from support.world import World

# Everything that a request of the protocol could change; not the marks of use, nor the proofs that were spent.
TABLES = (
    "accounts",
    "app_logos",
    "apps",
    "authorizations",
    "authorization_codes",
    "bot_tokens",
    "client_keys",
    "device_codes",
    "interactions",
    "personal_tokens",
    "pushed_requests",
    "refresh_tokens",
    "revocations",
    "superseded_refresh_tokens",
)


def state(world: World, *without: str) -> Mapping[str, tuple[int, int]]:
    """For each table how many rows it has, and which transaction was the last to write one of them.

    Personal and bot tokens note every use, so of them it is how many are revoked.
    """
    last_writer = "coalesce(max(xmin::text::bigint), 0)"
    revoked = dict.fromkeys(["bot_tokens", "personal_tokens"], "count(revoked_at)")
    changes = dict.fromkeys(TABLES, last_writer) | revoked
    each = "SELECT '{0}', count(*), {1} FROM {0}"
    chosen = (each.format(table, change) for table, change in changes.items() if table not in without)
    query = " UNION ALL ".join(chosen)
    with world.deployment.database.engine.connect() as connection:
        return {table: (rows, writer) for table, rows, writer in connection.execute(text(query))}


def whole_database(world: World) -> str:
    """Every row of every table, as text, with what is packed in columns of bytes."""
    with world.deployment.database.engine.connect() as connection:
        tables = Record.metadata.sorted_tables
        return "".join(str(connection.execute(select(table)).all()) for table in tables)


@contextmanager
def leaves_only(
    world: World, organization: Organization, *types: str, but: str = ""
) -> Iterator[list[Event]]:
    """Whatever happens inside changes nothing `but` one table, and records exactly these events."""
    before, known = state(world, but), len(world.events(organization))
    found: list[Event] = []
    yield found
    assert state(world, but) == before
    found += world.events(organization)[known:]
    assert [one.type for one in found] == list(types)


@contextmanager
def counted_statements(world: World) -> Iterator[list[str]]:
    """The SQL statements that are sent inside."""
    statements: list[str] = []
    engine = world.deployment.database.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
