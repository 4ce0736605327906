"""What the pages about one app share: its head, its tabs, its address."""

from collections.abc import Collection, Mapping
from typing import Any

from appanage.apps import queries as apps
from appanage.apps import service, versions
from appanage.apps.model import App, AppKind, ClientProof
from appanage.kit.errors import NotFound
from appanage.web.pages import Kind, Page
from appanage.web.portal.kinds import LABELS
from appanage.web.portal.standing import Standing, standing_of
from appanage.web.visit import Visit

Tab = tuple[str, str, int | None]


def owned_app(visit: Visit, *, for_update: bool = False) -> App:
    """The app in the path; anybody else's does not exist (checklist CONS-12)."""
    if for_update:
        return service.get_to_change(visit.tx, visit.viewer, visit.id(), rules=visit.deployment.app_rules)
    return apps.get_owned(visit.tx, visit.viewer, visit.id())


def owned_service_app(visit: Visit, *, for_update: bool = False) -> App:
    """For pages that only Service Apps have."""
    return _of_kind((AppKind.SERVICE_APP,), owned_app(visit, for_update=for_update))


def owned_integration(visit: Visit, *, for_update: bool = False) -> App:
    """For pages that only Integrations have."""
    return _of_kind((AppKind.INTEGRATION,), owned_app(visit, for_update=for_update))


def owned_client(visit: Visit, *, for_update: bool = False) -> App:
    """For pages about an app as OAuth knows it, which a bot is not."""
    return _of_kind((AppKind.SERVICE_APP, AppKind.INTEGRATION), owned_app(visit, for_update=for_update))


def owned_bot(visit: Visit, *, for_update: bool = False) -> App:
    """For pages that only bots have."""
    return _of_kind((AppKind.BOT,), owned_app(visit, for_update=for_update))


def owned_with_proof(visit: Visit, proof: ClientProof, *, for_update: bool = False) -> App:
    """For pages about what an app proves itself by."""
    app = owned_client(visit, for_update=for_update)
    if proof not in {app.client_proof, versions.wanted(app).client_proof}:
        raise NotFound(f"{app.name} has no such page: it proves itself in another way.")
    return app


def _of_kind(kinds: Collection[AppKind], app: App) -> App:
    if app.kind not in kinds:
        raise NotFound(f"{app.name} has no such page: it is not for apps of its type.")
    return app


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
        type_of_app=LABELS.get(AppKind(app.kind), app.kind),
        base=address(app),
        logo=logo_of(app),
        standing=standing,
        may_change=visit.deployment.app_rules.is_registrar(visit.viewer),
        tabs=_tabs(app, standing, has_app_hub=visit.deployment.settings.rules.has_app_hub),
        tab=tab,
        **context,
    )


def address(app: App) -> str:
    return f"/portal/apps/{app.id}"


def logo_of(app: App) -> str | None:
    """Named by its content, so that a browser asks once; None means initials."""
    return f"{address(app)}/logo?v={app.logo_digest}" if app.logo_digest else None


def _tabs(app: App, standing: Standing, *, has_app_hub: bool) -> list[Tab]:
    base = address(app)
    is_integration = app.is_integration
    listing: list[Tab] = [("Listing", f"{base}/listing", None)] if has_app_hub else []
    if app.is_bot:
        return _tabs_of_bot(base, listing)
    return [
        ("Overview", base, None),
        ("Scopes", f"{base}/scopes", len(app.scopes)),
        ("Connections", f"{base}/connections", standing.active)
        if is_integration
        else ("Organizations", f"{base}/orgs", standing.active),
        ("Credentials", f"{base}/credentials", None),
        *([("Try it", f"{base}/try", None)] if is_integration else []),
        *listing,
        ("Activity", f"{base}/activity", None),
        ("Settings", f"{base}/settings", None),
    ]


def _tabs_of_bot(base: str, listing: list[Tab]) -> list[Tab]:
    return [
        ("Overview", base, None),
        ("Bot token", f"{base}/token", None),
        *listing,
        ("Activity", f"{base}/activity", None),
        ("Settings", f"{base}/settings", None),
    ]
