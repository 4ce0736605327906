"""The test page: what came back for a request that was tried, and what the tokens say that a code is exchanged for."""

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from appanage.apps import queries
from appanage.apps.model import App, ClientProof
from appanage.authorizations import clients, codes, organization_tokens, refresh_tokens
from appanage.authorizations.tokens import TokenPair
from appanage.kit.errors import NotFound, TooMany
from appanage.kit.http import headers_of
from appanage.kit.ids import parse_uuid
from appanage.kit.spans import span
from appanage.oauth.clients import ClientAuthentication, ClientCredentials
from appanage.oauth.codes import CodeRedemption
from appanage.oauth.errors import OAuthError, Refused
from appanage.web.pages import Page, Pages
from appanage.web.portal import attempts
from appanage.web.portal.attempts import PATH, Attempt, test_url
from appanage.web.portal.decoded import claims_in
from appanage.web.portal.sections import section
from appanage.web.signin.pages import too_many
from appanage.web.visit import Visit

# What the errors of an authorization response (RFC 6749 §4.1.2.1) mean for a developer who tries an app.
MEANINGS = {
    "access_denied": "You did not allow it, or the administrators of your organization block the app.",
    "invalid_scope": "The request asked for a scope that the app has not registered.",
    "invalid_request": "The request was incomplete or contradicted itself.",
    "server_error": "Something went wrong on our side. Try again.",
    "temporarily_unavailable": "Too much is going on at present. Try again in a moment.",
}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(PATH, show_answer),
        pages.route(PATH, redeem, methods=["POST"]),
    ]


def show_answer(visit: Visit) -> Page:
    """What came back: a code that can be exchanged, or an error and its meaning."""
    attempt = attempts.answered(visit, visit.query.get("state", ""))
    if attempt is None:
        return _unknown()
    app = _app_of(visit, attempt)
    error = visit.query.get("error")
    if error or not attempt.code:
        return _failed(visit, app, error or "", visit.text("error_description"))
    return _answer_page(visit, app, attempt)


def redeem(visit: Visit) -> Page:
    """Exchanges the code as the token endpoint does, shows what the tokens say, and ends them."""
    attempt = attempts.take(visit, visit.form.get("attempt"))
    if attempt is None or not attempt.code:
        return _unknown()
    app = _app_of(visit, attempt)
    if app.client_proof == ClientProof.KEY:
        return _unknown()  # its key is not here
    throttle, source = visit.deployment.throttle, visit.origin.address
    try:
        throttle.require_client_allowed(app.client_id, source)
    except TooMany as refused:
        errors = {"secret": too_many(visit, refused)}
        return _answer_page(visit, app, attempt, errors, status=429, headers=headers_of(refused))
    if not _is_proven(visit, app):
        throttle.client_failed(app.client_id, source)
        return _answer_page(visit, app, attempt, {"secret": _secret_problem(visit, app)}, status=422)
    try:
        issued = _exchange(visit, app, attempt)
    except OAuthError as error:
        issued = Refused(error)
    if isinstance(issued, Refused):
        return _failed(visit, app, issued.error.code, issued.error.description)
    _end(visit, app, issued)
    return _result_page(visit, app, attempt, issued)


def _app_of(visit: Visit, attempt: Attempt) -> App:
    app_id = parse_uuid(attempt.app_id)
    if app_id is None:
        raise NotFound("This page does not exist.")
    return queries.get_owned(visit.tx, visit.viewer, app_id)


def _is_proven(visit: Visit, app: App) -> bool:
    credentials = _credentials(visit, app)
    algorithms = visit.deployment.settings.client_algorithms
    return clients.authenticate(visit.tx, credentials, audiences=(), algorithms=algorithms) is not None


def _credentials(visit: Visit, app: App) -> ClientCredentials:
    if app.is_public:
        return ClientCredentials(app.client_id, ClientAuthentication.NONE)
    return ClientCredentials(app.client_id, ClientAuthentication.POST, _pasted(visit))


def _pasted(visit: Visit) -> str:
    return "".join(visit.form.get("secret").split())


def _secret_problem(visit: Visit, app: App) -> str:
    problem = "" if app.is_public else organization_tokens.secret_problem(visit.tx, app, _pasted(visit))
    return problem or f"{app.name} is suspended and gets no tokens now."


def _exchange(visit: Visit, app: App, attempt: Attempt) -> TokenPair | Refused:
    issuer = visit.deployment.issuer
    # Strict mode binds tokens to a key. Any digest will do, since nobody is going to use these tokens.
    key_thumbprint = attempt.challenge if issuer.is_strict(app) else None
    presented = CodeRedemption(
        redirect_uri=test_url(visit),
        code_verifier=attempt.verifier,
        resource=None,
        key_thumbprint=key_thumbprint,
    )
    return codes.redeem(visit.tx, issuer, app, code=attempt.code, presented=presented)


def _end(visit: Visit, app: App, issued: TokenPair) -> None:
    """Nobody needs these tokens any more."""
    row = refresh_tokens.find(visit.tx, issued.refresh_token.reveal())
    assert row is not None
    longest_life = visit.deployment.issuer.longest_life
    refresh_tokens.revoke_refresh(visit.tx, row, app, longest_life=longest_life)


def _answer_page(
    visit: Visit,
    app: App,
    attempt: Attempt,
    errors: dict[str, str] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Page:
    settings = visit.deployment.settings
    return _secret_section(
        visit,
        app,
        "portal/app/try_answer.html",
        status=status,
        headers=headers,
        attempt=attempt,
        kept="" if app.client_proof == ClientProof.KEY else attempts.keep(visit, attempt),
        test_url=test_url(visit),
        issuer=settings.issuer,
        code_life=span(settings.lifetimes.authorization_code),
        errors=errors or {},
    )


def _failed(visit: Visit, app: App, error: str, description: str) -> Page:
    meaning = MEANINGS.get(error, "")
    return _secret_section(
        visit, app, "portal/app/try_failed.html", error=error, description=description, meaning=meaning
    )


def _result_page(visit: Visit, app: App, attempt: Attempt, issued: TokenPair) -> Page:
    id_claims = claims_in(issued.id_token) if issued.id_token else []
    return _secret_section(
        visit,
        app,
        "portal/app/try_result.html",
        issued=issued,
        access_claims=claims_in(issued.access_token),
        id_claims=id_claims,
        nonce_is_right=any(one.name == "nonce" and one.value == attempt.nonce for one in id_claims),
        scopes=sorted(issued.scopes),
    )


def _secret_section(visit: Visit, app: App, template: str, **context: Any) -> Page:
    """Their addresses hold a code, so these pages tell no other one where the browser came from."""
    return section(visit, app, template, tab="Try it", kind="secret", **context)


def _unknown() -> Page:
    return Page("portal/try_unknown.html", area="portal", here="apps", kind="secret", status=404)
