"""Sending an app to another organization, and what became of that."""

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import request_queries, requests, sharing
from appanage.kit.errors import Conflict, Invalid
from appanage.web.pages import Page, Pages
from appanage.web.portal.authorization import ShareForm, authorization_page
from appanage.web.portal.requests import ask_again
from appanage.web.portal.sections import address, owned_service_app
from appanage.web.visit import Visit, see_other

_FIELDS = {"message": "share_message"}
"""The page has two messages."""


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/shares", share, methods=["POST"]),
        pages.route("/portal/apps/{id}/shares/{share}/reminder", remind, methods=["POST"]),
        pages.route("/portal/apps/{id}/shares/{share}/withdrawal", withdraw, methods=["POST"]),
    ]


def share(visit: Visit) -> Response | Page:
    """Every attempt is counted: each tells whether an organization can be reached."""
    app, form = owned_service_app(visit), ShareForm.read(visit.form)
    visit.deployment.throttle.count_address(str(visit.viewer.id))
    try:
        sharing.share(
            visit.tx,
            app.id,
            sharing.get_addressee(visit.tx, visit.ids, form.organization),
            by=visit.viewer,
            addressed_to=form.organization,
            rules=visit.deployment.app_rules,
            message=form.message,
        )
    except Invalid as invalid:
        errors = {_FIELDS.get(name, name): sentence for name, sentence in invalid.fields.items()}
        return authorization_page(visit, app, share=form, errors=errors, status=422)
    except Conflict as conflict:
        return authorization_page(visit, app, share=form, errors={"": conflict.message}, status=409)
    visit.tell(f"{app.name} is shared with {form.organization}. Its administrators decide.")
    return see_other(f"{address(app)}/authorization")


def remind(visit: Visit) -> Response | Page:
    app = owned_service_app(visit)
    try:
        ask_again(visit, request_queries.get_share(visit.tx, app, visit.id("share")))
    except Conflict as conflict:
        return authorization_page(visit, app, errors={"": conflict.message}, status=409)
    visit.tell("The administrators are asked once more.")
    return see_other(f"{address(app)}/authorization")


def withdraw(visit: Visit) -> Response | Page:
    app = owned_service_app(visit)
    try:
        requests.withdraw(
            visit.tx, request_queries.get_share(visit.tx, app, visit.id("share")).id, by=visit.viewer
        )
    except Conflict as conflict:
        return authorization_page(visit, app, errors={"": conflict.message}, status=409)
    visit.tell(f"{app.name} is not shared there any more.")
    return see_other(f"{address(app)}/authorization")
