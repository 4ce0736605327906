"""Creating a bot in two steps: it has no scopes to choose. As in the other wizard, the draft lives in the form alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import drafts as app_drafts
from appanage.apps import service as apps
from appanage.apps.bots import address_problem
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind
from appanage.authorizations import bots
from appanage.kit.errors import Invalid
from appanage.kit.secrets import Secret
from appanage.web.pages import Page, Pages
from appanage.web.portal import drafts
from appanage.web.portal.bots import lead_to_token, scopes_of_bots
from appanage.web.visit import Visit, see_other

WIZARD = "/portal/apps/new/bot"
Errors = Mapping[str, str]


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(f"{WIZARD}/about", begin),
        pages.route(f"{WIZARD}/about", back_to_about, methods=["POST"]),
        pages.route(f"{WIZARD}/review", begin_again),
        pages.route(f"{WIZARD}/review", go_to_review, methods=["POST"]),
        pages.route(WIZARD, begin_again),
        pages.route(WIZARD, register, methods=["POST"]),
    ]


def begin(visit: Visit) -> Page:
    return _about(visit, AppDraft(name="", kind=AppKind.BOT))


def begin_again(visit: Visit) -> Response:
    """A later step is only reached with a draft, which a plain visit does not bring."""
    del visit
    return see_other(f"{WIZARD}/about")


def back_to_about(visit: Visit) -> Page:
    return _about(visit, _draft(visit))


def go_to_review(visit: Visit) -> Page:
    draft = _draft(visit)
    errors = _problems(visit, draft)
    return _about(visit, draft, errors) if errors else _review(visit, draft)


def register(visit: Visit) -> Response | Page:
    """Checks everything again: somebody else may have taken the address meanwhile."""
    draft = _draft(visit)
    errors = _problems(visit, draft)
    if errors:
        return _about(visit, draft, errors)
    try:
        with visit.tx.begin_nested():  # a logo that is refused undoes the bot as well
            app, token = _create(visit, draft)
    except Invalid as invalid:
        return _review(visit, draft, invalid.fields)
    visit.tell(f"{app.name} is registered.")
    return lead_to_token(visit, app, token)


def _create(visit: Visit, draft: AppDraft) -> tuple[App, Secret]:
    app, token = bots.create(visit.tx, draft, by=visit.viewer, rules=visit.deployment.app_rules)
    logo = visit.form.files.get("logo")
    if logo:
        apps.set_logo(visit.tx, app, logo, by=visit.viewer)
    return app, token


def _draft(visit: Visit) -> AppDraft:
    draft = drafts.read_about(visit.form, AppDraft(name="", kind=AppKind.BOT))
    domain = visit.deployment.settings.bot_domain
    return replace(draft, bot_email=drafts.read_address(visit.form, "botEmail", domain)).tidy()


def _problems(visit: Visit, draft: AppDraft) -> dict[str, str]:
    rules = visit.deployment.app_rules
    problem = address_problem(visit.tx, draft.bot_email, by=visit.viewer, rules=rules)
    return ({"botEmail": problem} if problem else {}) | app_drafts.about_problems(draft)


def _about(visit: Visit, draft: AppDraft, errors: Errors | None = None) -> Page:
    domain = visit.deployment.settings.bot_domain
    typed = draft.bot_email.removesuffix(f"@{domain}")
    return _step(visit, "about", draft, errors, address=typed, domain=domain)


def _review(visit: Visit, draft: AppDraft, errors: Errors | None = None) -> Page:
    return _step(visit, "review", draft, errors, scopes=scopes_of_bots())


def _step(visit: Visit, name: str, draft: AppDraft, errors: Errors | None, **context: Any) -> Page:
    return Page(
        f"portal/bots/wizard_{name}.html",
        area="portal",
        here="apps",
        status=422 if errors else 200,
        draft=draft,
        errors=errors or {},
        wizard=WIZARD,
        organization=visit.viewer.organization,
        **context,
    )
