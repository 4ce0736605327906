"""Changing how an app proves who it is, which ends whatever it proved itself by before."""

from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import queries, versions
from appanage.apps import service as apps
from appanage.apps.model import App, AppKind, ClientProof
from appanage.kit.errors import Conflict, Invalid
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts, proposals
from appanage.web.portal.kinds import proofs_for
from appanage.web.portal.sections import address, owned_client, section
from appanage.web.visit import Visit, see_other

# Where to go on, and what is said there.
NEXT = {
    ClientProof.SECRET: ("/rotate", "Now make the client secret by which the app proves itself."),
    ClientProof.KEY: ("/keys/new", "Now add the key with which the app signs."),
    ClientProof.NONE: ("", "The app is a public client now: every authorization request needs PKCE."),
}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/credentials/type", ask),
        pages.route("/portal/apps/{id}/credentials/type", change, methods=["POST"]),
    ]


def ask(visit: Visit) -> Page:
    app = owned_client(visit)
    return _page(visit, app, versions.wanted(app).client_proof)


def change(visit: Visit) -> Response | Page:
    app = owned_client(visit, for_update=True)
    chosen = drafts.read_proof(visit.form)
    wanted = versions.wanted(app)
    if chosen == wanted.client_proof:
        return see_other(f"{address(app)}/credentials")
    draft, before = replace(wanted, client_proof=chosen), app.proposed
    try:
        apps.update(visit.tx, app, draft, by=visit.viewer, edition=drafts.read_version(visit.form))
    except Conflict as conflict:
        return _page(visit, app, chosen, {"": conflict.message}, status=409)
    except Invalid as invalid:
        return _page(visit, app, chosen, invalid.fields, status=422)
    path, sentence = NEXT[chosen]
    visit.tell(proposals.told(app, before, f"The client type is changed. {sentence}"))
    return see_other(f"{address(app)}/credentials{path}")


def _page(
    visit: Visit, app: App, chosen: ClientProof, errors: dict[str, str] | None = None, *, status: int = 200
) -> Page:
    secrets = [one for one in queries.list_secrets(visit.tx, app) if one.is_live(visit.tx.now)]
    return section(
        visit,
        app,
        "portal/app/client_type.html",
        tab="Credentials",
        status=status,
        choices=proofs_for(AppKind(app.kind)),
        chosen=chosen,
        proposal=proposals.waiting(visit, app, "clientType"),
        secrets=secrets,
        keys=queries.list_keys(visit.tx, app, live_only=True),
        errors=_beside_the_choice(errors or {}),
    )


def _beside_the_choice(errors: dict[str, str]) -> dict[str, str]:
    """What is wrong with a saved redirect URL is said where the type is chosen, which is all that can be changed here."""
    elsewhere = [sentence for name, sentence in errors.items() if name not in {"", "clientProof"}]
    here = {name: sentence for name, sentence in errors.items() if name in {"", "clientProof"}}
    return here | ({"clientProof": " ".join(elsewhere)} if elsewhere else {})
