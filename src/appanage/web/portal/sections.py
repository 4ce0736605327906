"""What the pages about one app share: its head, its tabs, its address."""

from collections.abc import Mapping
from typing import Any

from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.web.pages import Kind, Page
from appanage.web.portal.standing import Standing, standing_of
from appanage.web.visit import Visit

Tab = tuple[str, str, int | None]


def owned_app(visit: Visit, *, for_update: bool = False) -> App:
    """The app in the path; anybody else's does not exist (checklist CONS-12)."""
    return apps.get_owned(visit.tx, visit.viewer, visit.id(), for_update=for_update)


def section(
    visit: Visit,
    app: App,
    template: str,
    *,
    tab: str = "",
    status: int = 200,
    kind: Kind = "console",
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Page:
    """A page about one app; `tab` is the name of the tab that it is or belongs to."""
    standing = standing_of(visit.tx, app)
    return Page(
        template,
        status=status,
        kind=kind,
        headers=headers,
        area="portal",
        here="apps",
        app=app,
        base=address(app),
        logo=logo_of(app),
        standing=standing,
        tabs=_tabs(app, standing),
        tab=tab,
        **context,
    )


def address(app: App) -> str:
    return f"/portal/apps/{app.id}"


def logo_of(app: App) -> str | None:
    """Named by its content, so that a browser asks once; None means initials."""
    return f"{address(app)}/logo?v={app.logo_digest}" if app.logo_digest else None


def _tabs(app: App, standing: Standing) -> list[Tab]:
    base = address(app)
    return [
        ("Overview", base, None),
        ("Scopes", f"{base}/scopes", len(app.scopes)),
        ("Organizations", f"{base}/orgs", standing.orgs.active),
        ("Credentials", f"{base}/credentials", None),
        ("Activity", f"{base}/activity", None),
        ("Settings", f"{base}/settings", None),
    ]
