"""Choosing what to create, and the three steps for a client. The draft lives in the form alone, checked at every step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import drafts as app_drafts
from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind
from appanage.kit.errors import Invalid
from appanage.kit.secrets import Secret
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts
from appanage.web.portal.authorization_url import AuthorizationUrl
from appanage.web.portal.credentials import taken_secret
from appanage.web.portal.kinds import PROOFS, kind_in, proofs_for, wizard_of
from appanage.web.portal.picker import as_listed, picker
from appanage.web.portal.sections import address, owned_client, section
from appanage.web.visit import Visit, see_other

WIZARD = "/portal/apps/new/{kind}"
Errors = Mapping[str, str]


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/new", choose_kind),
        pages.route(f"{WIZARD}/about", begin),
        pages.route(f"{WIZARD}/about", back_to_about, methods=["POST"]),
        pages.route(f"{WIZARD}/scopes", begin_again),
        pages.route(f"{WIZARD}/scopes", go_to_scopes, methods=["POST"]),
        pages.route(f"{WIZARD}/review", begin_again),
        pages.route(f"{WIZARD}/review", go_to_review, methods=["POST"]),
        pages.route(WIZARD, begin_again),
        pages.route(WIZARD, register, methods=["POST"]),
        pages.route("/portal/apps/{id}/created", show_created),
    ]


def choose_kind(visit: Visit) -> Page:
    organization = visit.viewer.organization
    return Page("portal/new.html", area="portal", here="apps", organization=organization)


def begin(visit: Visit) -> Page:
    return _about(visit, replace(_empty(visit), contact_email=visit.viewer.email))


def begin_again(visit: Visit) -> Response:
    """A later step is only reached with a draft, which a plain visit does not bring."""
    return see_other(f"{wizard_of(_kind(visit))}/about")


def back_to_about(visit: Visit) -> Page:
    return _about(visit, _draft(visit))


def go_to_scopes(visit: Visit) -> Page:
    draft = _draft(visit)
    return _unfinished(visit, draft, before="scopes") or _scopes(visit, draft)


def go_to_review(visit: Visit) -> Page:
    draft = _draft(visit)
    return _unfinished(visit, draft, before="review") or _review(visit, draft)


def register(visit: Visit) -> Response | Page:
    draft = _draft(visit)
    unfinished = _unfinished(visit, draft, before="review")
    if unfinished:
        return unfinished
    try:
        with visit.tx.begin_nested():  # a logo that is refused undoes the app as well
            app, secret = _create(visit, draft)
    except Invalid as invalid:
        return _review(visit, draft, invalid.fields)
    if secret is None:
        return see_other(f"{address(app)}/created")
    shown = visit.keep_secret({"app": str(app.id), "secret": secret.reveal()})
    return see_other(f"{address(app)}/created?shown={shown}")


def show_created(visit: Visit) -> Page:
    """The client secret, once; a reload says that it was shown. Without one, what comes next."""
    app = owned_client(visit)
    return section(
        visit,
        app,
        "portal/app/created.html",
        kind="secret",
        secret=taken_secret(visit, app.id),
        authorization_url=AuthorizationUrl.of(visit.deployment.settings, app) if app.is_integration else None,
    )


def _create(visit: Visit, draft: AppDraft) -> tuple[App, Secret | None]:
    app, secret = apps.create_client(visit.tx, draft, by=visit.viewer, rules=visit.deployment.app_rules)
    logo = visit.form.files.get("logo")
    if logo:
        apps.set_logo(visit.tx, app, logo, by=visit.viewer)
    return app, secret


def _kind(visit: Visit) -> AppKind:
    return kind_in(visit.parameters["kind"])


def _empty(visit: Visit) -> AppDraft:
    return AppDraft(name="", kind=_kind(visit))


def _draft(visit: Visit) -> AppDraft:
    form = visit.form
    draft = drafts.read_about(form, _empty(visit))
    if draft.kind == AppKind.INTEGRATION:
        urls, proof = drafts.read_urls(form, "redirectUrls"), drafts.read_proof(form)
        draft = replace(draft, redirect_urls=urls, client_proof=proof)
    scopes, reasons = drafts.read_scopes(form), drafts.read_reasons(form)
    optional = drafts.read_optional(form)
    return replace(draft, scopes=scopes, scope_reasons=reasons, optional_scopes=optional).tidy()


def _unfinished(visit: Visit, draft: AppDraft, *, before: str) -> Page | None:
    """The first step before this one in which something is wrong."""
    errors = app_drafts.about_problems(draft)
    if errors:
        return _about(visit, draft, errors)
    errors = drafts.problems_of(draft) if before == "review" else {}
    return _scopes(visit, draft, errors) if errors else None


def _about(visit: Visit, draft: AppDraft, errors: Errors | None = None) -> Page:
    return _step(visit, "about", draft, errors)


def _scopes(visit: Visit, draft: AppDraft, errors: Errors | None = None) -> Page:
    return _step(visit, "scopes", draft, errors, picker=picker(draft))


def _review(visit: Visit, draft: AppDraft, errors: Errors | None = None) -> Page:
    listed = as_listed(draft.scopes, draft.scope_reasons, draft.optional_scopes)
    return _step(visit, "review", draft, errors, picker=picker(draft), scopes=listed)


def _step(visit: Visit, name: str, draft: AppDraft, errors: Errors | None, **context: Any) -> Page:
    return Page(
        f"portal/wizard/{name}.html",
        area="portal",
        here="apps",
        status=422 if errors else 200,
        draft=draft,
        errors=errors or {},
        wizard=wizard_of(draft.kind),
        proofs=proofs_for(draft.kind),
        client_type=PROOFS[draft.client_proof][0],
        organization=visit.viewer.organization,
        **context,
    )
