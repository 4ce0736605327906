"""Who owns an app: adding a colleague, taking one away, leaving, handing it over."""

import uuid
from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import owners, queries
from appanage.apps.model import App
from appanage.kit.errors import Conflict, Invalid
from appanage.web.pages import Page, Pages
from appanage.web.portal import proposals
from appanage.web.portal.sections import address, owned_app, section
from appanage.web.visit import Visit, see_other

PAGE = "/portal/apps/{id}/owners"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(PAGE, show),
        pages.route(PAGE, add, methods=["POST"]),
        pages.route(PAGE + "/transfer", ask_transfer),
        pages.route(PAGE + "/transfer", transfer, methods=["POST"]),
        pages.route(PAGE + "/{account}/remove", ask_remove),
        pages.route(PAGE + "/{account}/remove", remove, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    return _page(visit, owned_app(visit))


def add(visit: Visit) -> Response | Page:
    """A colleague by their address, who from then on may do everything with the app."""
    app = _locked(visit)
    try:
        colleague = owners.find_colleague(visit.tx, visit.viewer, email=visit.form.get("email"))
        owners.add(visit.tx, app, colleague, by=visit.viewer, rules=visit.deployment.app_rules)
    except Invalid as invalid:
        return _page(visit, app, invalid.fields, status=422)
    except Conflict as conflict:
        return _page(visit, app, {"email": conflict.message}, status=409)
    visit.tell(
        f"{colleague.display_name} becomes an owner when a reviewer approves it: hand it in under Listing."
        if app.is_listed
        else f"{colleague.display_name} is an owner of {app.name} now."
    )
    return see_other(f"{address(app)}/owners")


def ask_remove(visit: Visit) -> Page:
    return _removal_page(visit, owned_app(visit), visit.id("account"))


def remove(visit: Visit) -> Response | Page:
    """Takes an owner away at once, or oneself."""
    app, account_id = _locked(visit), visit.id("account")
    name = _name(visit, app, account_id)
    try:
        owners.remove(visit.tx, app, account_id, by=visit.viewer, rules=visit.deployment.app_rules)
    except Conflict as conflict:
        return _removal_page(visit, app, account_id, {"": conflict.message}, status=409)
    if account_id == visit.viewer.id:
        visit.tell(f"You do not own {app.name} any more.")
        return see_other("/portal/apps")
    visit.tell(f"{name} does not own {app.name} any more.")
    return see_other(f"{address(app)}/owners")


def ask_transfer(visit: Visit) -> Page:
    return _transfer_page(visit, owned_app(visit))


def transfer(visit: Visit) -> Response | Page:
    """A colleague takes the place of the viewer, in one act."""
    app = _locked(visit)
    try:
        colleague = owners.find_colleague(visit.tx, visit.viewer, email=visit.form.get("email"))
        owners.transfer(visit.tx, app, colleague, by=visit.viewer, rules=visit.deployment.app_rules)
    except Invalid as invalid:
        return _transfer_page(visit, app, invalid.fields, status=422)
    if app.is_listed:
        visit.tell(
            f"{colleague.display_name} takes your place when a reviewer approves it: hand it in under Listing. "
            "Until then you are an owner."
        )
        return see_other(f"{address(app)}/owners")
    visit.tell(f"{app.name} is handed over to {colleague.display_name}.")
    return see_other("/portal/apps")


def _locked(visit: Visit) -> App:
    """For who may change it. The accounts are held later, both at once, and looked at again then."""
    app = queries.get_owned(visit.tx, visit.viewer, visit.id(), for_update=True)
    visit.deployment.app_rules.require_registrar(visit.viewer)
    return app


def _name(visit: Visit, app: App, account_id: uuid.UUID) -> str:
    """Raises NotFound for who neither owns the app nor waits to."""
    accounts = [one.account for one in queries.list_owners(visit.tx, app)]
    accounts += queries.list_waiting_owners(visit.tx, app)
    names = {one.id: one.display_name for one in accounts}
    if account_id not in names:
        raise owners.no_such_owner(app)
    return names[account_id]


def _page(visit: Visit, app: App, errors: Mapping[str, str] | None = None, *, status: int = 200) -> Page:
    return section(
        visit,
        app,
        "portal/app/owners.html",
        tab="Settings",
        status=status,
        owners=queries.list_owners(visit.tx, app),
        arriving=queries.list_waiting_owners(visit.tx, app),
        proposal=proposals.waiting(visit, app, "owners"),
        email=visit.form.get("email"),
        errors=errors or {},
    )


def _removal_page(
    visit: Visit,
    app: App,
    account_id: uuid.UUID,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Page:
    return section(
        visit,
        app,
        "portal/app/remove_owner.html",
        tab="Settings",
        status=status,
        name=_name(visit, app, account_id),
        account_id=account_id,
        is_oneself=account_id == visit.viewer.id,
        errors=errors or {},
    )


def _transfer_page(
    visit: Visit, app: App, errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    return section(
        visit,
        app,
        "portal/app/transfer.html",
        tab="Settings",
        status=status,
        email=visit.form.get("email"),
        errors=errors or {},
    )
