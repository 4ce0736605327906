"""The audit log: what happened in the organization, filtered, page by page, and as a file."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events import SeenEvent
from appanage.events.catalogue import TYPES, Category, event_types, types_of
from appanage.events.queries import EventFilter, list_for_organization
from appanage.kit import paging
from appanage.kit.errors import Invalid
from appanage.kit.ids import parse_uuid
from appanage.web.controlhub.access import Ability, enter
from appanage.web.controlhub.audit_csv import csv_of
from appanage.web.controlhub.lists import Turns
from appanage.web.pages import Page, Pages
from appanage.web.rendering import iso
from appanage.web.visit import Visit

CATEGORY_NAMES = {
    Category.APPLICATIONS: "Apps",
    Category.TOKENS: "Tokens",
    Category.USERS: "People and accounts",
    Category.LOGINS: "Sign-ins",
    Category.LOGOUT: "Sign-outs",
    Category.ORG_SETTINGS: "Organization",
}

PERIODS = {
    "1": "Last 24 hours",
    "7": "Last 7 days",
    "30": "Last 30 days",
    "365": "Last 12 months",
    "custom": "From and to…",
}
ACTOR_KINDS = {
    "bot": "Bot",
    "machine": "Machine account",
    "person": "Person",
    "system": "The platform",
    "unknown": "Unknown",
}
_USUAL = "7"
_FILTERS = ("q", "event", "period", "from", "to", "actor")


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/hub/audit", index), pages.route("/hub/audit.csv", export)]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """The filters as the address names them; `problems` says what is wrong with them, by field."""

    search: str
    event: str
    period: str
    since: str
    until: str
    actor_id: uuid.UUID | None

    @classmethod
    def read(cls, visit: Visit) -> "AuditQuery":
        period = visit.text("period")
        return cls(
            search=visit.text("q"),
            event=visit.text("event"),
            period=period if period in PERIODS else _USUAL,
            since=visit.text("from"),
            until=visit.text("to"),
            actor_id=parse_uuid(visit.text("actor")),
        )

    @property
    def is_custom(self) -> bool:
        return self.period == "custom"

    def problems(self) -> dict[str, str]:
        if not self.is_custom:
            return {}
        found = {
            name: "That is not a date. Write it as 2026-01-31."
            for name, value in (("from", self.since), ("to", self.until))
            if value and _day(value) is None
        }
        first, last = _day(self.since), _day(self.until)
        if first and last and last < first:
            found["to"] = "The last day is before the first."
        return found

    def filter(self, now: datetime) -> EventFilter:
        since, until = self._period(now)
        return EventFilter(
            since=since, until=until, actor_id=self.actor_id, types=_types(self.event), search=self.search
        )

    def _period(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        if not self.is_custom:
            return now - timedelta(days=int(self.period)), None
        first, last = _day(self.since), _day(self.until)
        return first, last + timedelta(days=1) if last else None


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.READ_AUDIT)
    asked = AuditQuery.read(visit)
    problems, found = asked.problems(), _found(visit, viewer, asked)
    return Page(
        "controlhub/audit/index.html",
        status=422 if problems else 200,
        area="hub",
        here="audit",
        asked=asked,
        errors=problems,
        actor=_actor(visit, viewer, asked),
        event_choices=_event_choices(),
        periods=list(PERIODS.items()),
        actor_kinds=ACTOR_KINDS,
        is_filtered=any(visit.text(name) for name in _FILTERS),
        export=visit.with_query(cursor=None).replace("/hub/audit", "/hub/audit.csv", 1),
        rows=[(seen, _details(seen)) for seen in found.items],
        turns=Turns.of(visit, found),
    )


def export(visit: Visit) -> Response:
    """The same events as on the page, all of them, as a file that is written while it is sent."""
    viewer = enter(visit, Ability.READ_AUDIT)
    asked = AuditQuery.read(visit)
    problems = asked.problems()
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)
    lines = csv_of(visit.deployment, visit.origin, viewer.organization_id, asked.filter(visit.tx.now))
    name = f"audit-{visit.tx.now:%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _found(visit: Visit, viewer: Account, asked: AuditQuery) -> paging.Page[SeenEvent]:
    if asked.problems():
        return paging.Page([])
    wanted = asked.filter(visit.tx.now)
    return list_for_organization(visit.tx, viewer.organization_id, wanted, visit.page_request())


def _actor(visit: Visit, viewer: Account, asked: AuditQuery) -> Account | None:
    """The person whose events are asked for, when it is one of the organization."""
    if asked.actor_id is None:
        return None
    found = directory.find_account(visit.tx, asked.actor_id)
    return found if found and found.organization_id == viewer.organization_id else None


def _event_choices() -> list[tuple[str, str]]:
    """Everything, a category as a whole, or one type of event."""
    categories = [(category.value, f"{name}: all") for category, name in CATEGORY_NAMES.items()]
    types = [(one.name, one.description) for one in sorted(TYPES, key=lambda one: one.description)]
    return [("", "All events"), *categories, *types]


def _types(event: str) -> Collection[str] | None:
    if event in set(Category):
        return types_of(Category(event))
    return [event] if event in event_types() else None


def _details(seen: SeenEvent) -> list[tuple[str, str]]:
    """What the row has no room for; empty values are left out."""
    event = seen.event
    happened = [("What happened", seen.action_text), ("Time", iso(event.at))]
    facts = [
        ("Actor’s e-mail", seen.actor_email),
        ("Actor’s organization", event.actor_organization_name),
        ("Proved by", seen.method),
        ("Target", f"{event.target_kind} {event.target_id}".strip()),
        ("Target’s organization", event.target_organization_name),
        ("User agent", seen.user_agent),
        ("Tracking ID", event.tracking_id),
    ]
    return [(name, text) for name, text in [*happened, *map(_change, event.data.items()), *facts] if text]


def _change(item: tuple[str, Any]) -> tuple[str, str]:
    """One value of the event's data: as it is, or as it was and became."""
    name, value = item
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in name).replace("_", " ")
    if isinstance(value, dict) and value.keys() == {"before", "after"}:
        return (
            words.capitalize(),
            f"{_text(value['before']) or 'nothing'} → {_text(value['after']) or 'nothing'}",
        )
    return words.capitalize(), _text(value)


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    return str(value)


def _day(value: str) -> datetime | None:
    """The first moment of a day; years that PostgreSQL and time zones cannot hold are no days."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return datetime.combine(day, time.min, UTC) if 1970 <= day.year < 9999 else None
