"""The public keys of an app that proves itself by signed assertions (RFC 7523)."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import credentials, queries
from appanage.apps.model import App, ClientKey, ClientProof
from appanage.kit.errors import Conflict, Invalid
from appanage.oauth.jose import labels_of
from appanage.web.pages import Page, Pages
from appanage.web.portal.sections import address, owned_with_proof, section
from appanage.web.visit import Visit, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/credentials/keys/new", ask_key),
        pages.route("/portal/apps/{id}/credentials/keys/new", add, methods=["POST"]),
        pages.route("/portal/apps/{id}/credentials/keys/{key}/revoke", ask_revoke),
        pages.route("/portal/apps/{id}/credentials/keys/{key}/revoke", revoke, methods=["POST"]),
    ]


def ask_key(visit: Visit) -> Page:
    return _add_page(visit, _owned(visit))


def add(visit: Visit) -> Response | Page:
    """Registers what was pasted. It is never shown again, since it may have been a private key."""
    app = _owned(visit, for_update=True)
    try:
        key = credentials.add_key(
            visit.tx, app, visit.form.get("key"), by=visit.viewer, rules=visit.deployment.app_rules
        )
    except Invalid as invalid:
        return _add_page(visit, app, invalid.fields, status=422)
    except Conflict as conflict:
        return _add_page(visit, app, {"key": conflict.message}, status=409)
    since = "from now on" if app.client_proof == ClientProof.KEY else "once its client type is approved"
    visit.tell(f"The key {short(key)} is added. The app can sign with it {since}.")
    return see_other(f"{address(app)}/credentials")


def ask_revoke(visit: Visit) -> Page:
    app = _owned(visit)
    return section(
        visit,
        app,
        "portal/app/revoke_key.html",
        tab="Credentials",
        key=_live_key(visit, app),
        is_last=len(queries.list_keys(visit.tx, app, live_only=True)) == 1,
    )


def revoke(visit: Visit) -> Response:
    app = _owned(visit, for_update=True)
    key = _live_key(visit, app)
    credentials.revoke_key(visit.tx, app, key, by=visit.viewer)
    visit.tell(f"The key {short(key)} is revoked.")
    return see_other(f"{address(app)}/credentials")


def short(key: ClientKey) -> str:
    """Enough of the thumbprint (RFC 7638) to tell one key from another."""
    return f"{key.thumbprint[:8]}…"


def _owned(visit: Visit, *, for_update: bool = False) -> App:
    return owned_with_proof(visit, ClientProof.KEY, for_update=for_update)


def _live_key(visit: Visit, app: App) -> ClientKey:
    key = queries.get_key(visit.tx, app, visit.id("key"))
    if not key.is_live:
        raise Conflict("This key has been revoked already.", code="key_ended")
    return key


def _add_page(visit: Visit, app: App, errors: dict[str, str] | None = None, *, status: int = 200) -> Page:
    return section(
        visit,
        app,
        "portal/app/key.html",
        tab="Credentials",
        status=status,
        live=queries.list_keys(visit.tx, app, live_only=True),
        most=credentials.LIVE_KEYS,
        kinds=", ".join(labels_of(visit.deployment.settings.client_algorithms)),
        errors=errors or {},
    )
