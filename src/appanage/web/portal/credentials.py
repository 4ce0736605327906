"""The client id of an app, and the client secrets of one that proves itself by them."""

import uuid
from datetime import timedelta

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import credentials, queries, versions
from appanage.apps.model import App, ClientProof, ClientSecret
from appanage.kit.errors import Conflict
from appanage.kit.ids import Kind
from appanage.web.pages import Page, Pages
from appanage.web.portal import proposals
from appanage.web.portal.kinds import PROOFS
from appanage.web.portal.sections import address, owned_client, owned_with_proof, section
from appanage.web.visit import Visit, see_other

OVERLAPS = {
    "0": ("Now", "Whatever still uses the old secret fails at once.", timedelta(0)),
    "1h": ("In 1 hour", "", timedelta(hours=1)),
    "24h": ("In 24 hours", "", timedelta(hours=24)),
    "7d": ("In 7 days", "", timedelta(days=7)),
}
USUAL_OVERLAP = "24h"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/credentials", show),
        pages.route("/portal/apps/{id}/credentials/rotate", ask_overlap),
        pages.route("/portal/apps/{id}/credentials/rotate", rotate, methods=["POST"]),
        pages.route("/portal/apps/{id}/credentials/secret", show_secret),
        pages.route("/portal/apps/{id}/credentials/{secret}/revoke", ask_revoke),
        pages.route("/portal/apps/{id}/credentials/{secret}/revoke", revoke, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    app = owned_client(visit)
    secrets, keys = queries.list_secrets(visit.tx, app), queries.list_keys(visit.tx, app)
    return section(
        visit,
        app,
        "portal/app/credentials.html",
        tab="Credentials",
        app_id=visit.ids.encode(Kind.APPLICATION, app.client_id),
        client_type=PROOFS[ClientProof(app.client_proof)],
        proposal=proposals.waiting(visit, app, "clientType"),
        proofs={app.client_proof, versions.wanted(app).client_proof},
        most_keys=credentials.LIVE_KEYS,
        live_keys=[one for one in keys if one.is_live],
        ended_keys=[one for one in keys if not one.is_live][:10],
        live=[one for one in secrets if one.is_live(visit.tx.now)],
        ended=[one for one in secrets if not one.is_live(visit.tx.now)][:10],
    )


def ask_overlap(visit: Visit) -> Page:
    return _rotate_page(visit)


def rotate(visit: Visit) -> Response | Page:
    """A new secret beside the present one, which ends after the chosen time."""
    app = _owned(visit, for_update=True)
    chosen = visit.form.get("overlap")
    if chosen not in OVERLAPS:
        return _rotate_page(visit, {"overlap": "Choose when the present secret ends."}, status=422)
    overlap = OVERLAPS[chosen][2]
    rules = visit.deployment.app_rules
    secret = credentials.add_secret(visit.tx, app, by=visit.viewer, rules=rules, overlap=overlap)
    shown = visit.keep_secret({"app": str(app.id), "secret": secret.reveal()})
    return see_other(f"{address(app)}/credentials/secret?shown={shown}")


def show_secret(visit: Visit) -> Page:
    """The new secret, once; a reload says that it was shown."""
    app = _owned(visit)
    return section(
        visit,
        app,
        "portal/app/secret.html",
        tab="Credentials",
        kind="secret",
        secret=taken_secret(visit, app.id),
        live=_live_secrets(visit, app),
    )


def ask_revoke(visit: Visit) -> Page:
    app = _owned(visit)
    secret = _live_secret(visit)
    is_last = len(_live_secrets(visit, app)) == 1
    return section(visit, app, "portal/app/revoke.html", tab="Credentials", secret=secret, is_last=is_last)


def revoke(visit: Visit) -> Response:
    app = _owned(visit, for_update=True)
    secret = _live_secret(visit)
    credentials.revoke_secret(visit.tx, app, secret, by=visit.viewer)
    visit.tell(f"The secret that ends in {secret.last_four} is revoked.")
    return see_other(f"{address(app)}/credentials")


def taken_secret(visit: Visit, app_id: uuid.UUID) -> str:
    """The client secret that was kept for this page, once; empty afterwards."""
    kept = visit.take_secret(visit.text("shown")) or {}
    return str(kept["secret"]) if kept.get("app") == str(app_id) else ""


def _owned(visit: Visit, *, for_update: bool = False) -> App:
    return owned_with_proof(visit, ClientProof.SECRET, for_update=for_update)


def _live_secrets(visit: Visit, app: App) -> list[ClientSecret]:
    return [one for one in queries.list_secrets(visit.tx, app) if one.is_live(visit.tx.now)]


def _live_secret(visit: Visit) -> ClientSecret:
    secret = queries.get_secret(visit.tx, _owned(visit), visit.id("secret"))
    if not secret.is_live(visit.tx.now):
        raise Conflict("This client secret has ended already.", code="secret_ended")
    return secret


def _rotate_page(visit: Visit, errors: dict[str, str] | None = None, *, status: int = 200) -> Page:
    app = _owned(visit)
    return section(
        visit,
        app,
        "portal/app/rotate.html",
        tab="Credentials",
        status=status,
        live=_live_secrets(visit, app),
        overlaps=[(key, label, hint) for key, (label, hint, _) in OVERLAPS.items()],
        usual=USUAL_OVERLAP,
        errors=errors or {},
    )
