"""The audit log as a CSV file, in the columns that the platform's export has."""

import csv
import io
import uuid
from collections.abc import Iterable, Iterator

from appanage.deployment import Deployment
from appanage.events import SeenEvent
from appanage.events.queries import EventFilter, list_for_organization
from appanage.kit.origin import Origin
from appanage.kit.paging import PageRequest
from appanage.web.rendering import iso

COLUMNS = (
    "timestamp",
    "action_text",
    "tracking_id",
    "event_category",
    "event_description",
    "outcome",
    "actor_id",
    "actor_name",
    "actor_email",
    "actor_org_id",
    "actor_org_name",
    "admin_roles",
    "actor_ip",
    "actor_user_agent",
    "target_type",
    "target_id",
    "target_name",
    "target_org_name",
    "target_org_id",
)

_ROWS_AT_ONCE = 500
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_of(
    deployment: Deployment, origin: Origin, organization_id: uuid.UUID, wanted: EventFilter
) -> Iterator[str]:
    """The file in pieces. Between two of them no transaction is open, however slowly they are fetched."""
    yield _lines([COLUMNS])
    cursor: str | None = None
    while True:
        with deployment.transaction(origin) as tx:
            page = list_for_organization(tx, organization_id, wanted, PageRequest(_ROWS_AT_ONCE, cursor))
            lines = _lines(map(_row, page.items))
        yield lines
        cursor = page.next_cursor
        if cursor is None:
            return


def _row(seen: SeenEvent) -> tuple[str, ...]:
    event = seen.event
    return (
        iso(event.at),
        seen.action_text,
        event.tracking_id,
        event.kind.category,
        event.kind.description,
        event.outcome,
        str(seen.actor_id or ""),
        seen.actor_name,
        seen.actor_email,
        str(event.actor_organization_id or ""),
        event.actor_organization_name,
        ", ".join(event.actor_roles),
        seen.address,
        seen.user_agent,
        event.target_kind,
        event.target_id,
        event.target_name,
        event.target_organization_name,
        str(event.target_organization_id or ""),
    )


def _lines(rows: Iterable[Iterable[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([harmless(cell) for cell in row] for row in rows)
    return file.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
