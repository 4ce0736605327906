"""What happened to an app, as its developers may see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from appanage.apps.model import App
from appanage.events import Event, Outcome, SeenEvent
from appanage.events import queries as events
from appanage.events.queries import EventFilter
from appanage.kit.text import count_of
from appanage.web.pages import Page, Pages
from appanage.web.portal.sections import owned_app, section
from appanage.web.visit import Visit

FIELDS = {
    "name": "name",
    "description": "description",
    "contactEmail": "contact e-mail",
    "companyName": "company",
    "supportUrl": "support page",
    "privacyUrl": "privacy page",
    "logo": "logo",
    "scopeReasons": "reasons for scopes",
    "optionalScopes": "optional scopes",
    "redirectUrls": "redirect URLs",
    "signOutUrls": "sign-out URLs",
    "clientProof": "client type",
    "scopes": "scopes",
    "owners": "owners",
    "strict": "strict mode",
    "pushedRequests": "pushed requests only",
}
_TOLD_BY_FIELDS = {"app.updated", "app.change_proposed", "app.change_discarded", "app.version_approved"}
_ABOUT_OWNERS = {"app.owner_added", "app.owner_removed", "app.transferred", "app.adopted"}
_OF_DEVELOPERS = ("app.", "secret.", "key.", "listing.", "submission.")


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the developers of an app may see it.

    What people did with an Integration is told without who they are, even those of the same organization (checklist
    AUD-05).
    """

    seen: SeenEvent
    tells_who: bool

    @classmethod
    def of(cls, seen: SeenEvent, app: App) -> "Row":
        return cls(seen, tells_who=not app.is_integration or seen.event.type.startswith(_OF_DEVELOPERS))

    @property
    def event(self) -> Event:
        return self.seen.event

    @property
    def what(self) -> str:
        return self.seen.action_text if self.tells_who else f"{self.event.kind.description}."

    @property
    def who(self) -> str:
        return self.seen.actor_name if self.tells_who else ""

    @property
    def organization(self) -> str:
        return self.event.actor_organization_name if self.tells_who else self.event.target_organization_name

    @property
    def detail(self) -> str:
        return detail_of(self.event) if self.tells_who else ""

    @property
    def is_refused(self) -> bool:
        return self.event.outcome == Outcome.REFUSED


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/portal/apps/{id}/activity", show)]


def show(visit: Visit) -> Page:
    app = owned_app(visit)
    page = events.list_for_app(
        visit.tx, app.id, EventFilter(), visit.page_request(), developer_id=app.organization_id
    )
    return section(
        visit,
        app,
        "portal/app/activity.html",
        tab="Activity",
        rows=[Row.of(seen, app) for seen in page.items],
        shown=count_of(len(page.items), "event", "events"),
        next=visit.with_query(cursor=page.next_cursor) if page.next_cursor else None,
        first=visit.with_query(cursor=None) if visit.text("cursor") else None,
    )


def detail_of(event: Event) -> str:
    """What the sentence about an event leaves out."""
    data = event.data
    if "endsIn" in data or "thumbprint" in data:
        return _credential(data)
    if event.type == "app.scopes_changed":
        return _scopes_changed(data["scopes"])
    if event.type in _TOLD_BY_FIELDS and data:
        return f"Changed: {', '.join(FIELDS.get(name, name) for name in data)}."
    if event.type in _ABOUT_OWNERS:
        return f"Owner: {data['person']}."
    if data.get("missingRoles"):
        return f"Missing role: {', '.join(data['missingRoles'])}."
    return str(data.get("reason") or "")


def _credential(data: Mapping[str, Any]) -> str:
    if "endsIn" in data:
        return f"It ends in {data['endsIn']}."
    return f"Its thumbprint begins with {data['thumbprint'][:8]}."


def _scopes_changed(change: Mapping[str, Any]) -> str:
    before, after = set(change["before"]), set(change["after"])
    sentences = [
        f"{verb}: {', '.join(sorted(names))}."
        for verb, names in (("Added", after - before), ("Removed", before - after))
        if names
    ]
    return " ".join(sentences)
