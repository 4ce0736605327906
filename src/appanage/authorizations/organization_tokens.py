"""Tokens of a Service App for one organization: fetched by its developer, or by the app itself."""

import uuid

from appanage import events
from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import queries
from appanage.authorizations.tokens import IssuedTokens, TokenGrant, TokenIssuer, TokenPair
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid, NotPermitted, Refused
from appanage.kit.secrets import Prefix, digest, is_well_formed
from appanage.oauth.errors import InvalidGrant
from appanage.oauth.scopes import narrow
from appanage.storage import Transaction


def retrieve(
    tx: Transaction,
    issuer: TokenIssuer,
    app: App,
    *,
    by: Account,
    organization_id: uuid.UUID,
    client_secret: str,
) -> TokenPair | Refused:
    """A new pair for one organization, for an owner of the app who also knows its secret (checklist TOK-17).

    Nobody proves possession of a key here, so an app in strict mode fetches its tokens itself.
    """
    _require_service_app(app)
    refused = _strict_refusal(issuer, app) or _secret_refusal(tx, app, client_secret)
    if refused:
        _record(tx, "tokens.refused", app, organization_id, by=by, outcome=events.Outcome.REFUSED)
        return refused
    authorization = queries.lock_of_organization(tx, app, organization_id)
    if authorization is None or not authorization.is_usable_at(tx.now):
        _record(tx, "tokens.refused", app, organization_id, by=by, outcome=events.Outcome.REFUSED)
        return Refused(_not_authorized(app))
    authorization.tokens_retrieved_at = authorization.app.birth(tx.now)
    issued, _ = issuer.issue(tx, TokenGrant(authorization.standing, authorization.usable_scopes))
    _record(tx, "tokens.retrieved", app, organization_id, by=by, name=authorization.organization.name)
    return issued


def fetch(
    tx: Transaction,
    issuer: TokenIssuer,
    app: App,
    *,
    organization_id: uuid.UUID,
    scope: str | None,
    resource: str | None,
    key_thumbprint: str | None,
) -> IssuedTokens:
    """A short access token for one organization and nothing that renews it (RFC 6749 §4.4).

    The app proves itself anew each time, so that it needs to keep no refresh token. Raises InvalidGrant, InvalidScope.
    """
    authorization = queries.find_of_organization(tx, app, organization_id)
    if authorization is None or not authorization.is_usable_at(tx.now):
        raise InvalidGrant(_not_authorized(app).message)
    scopes = narrow(authorization.usable_scopes, scope)
    authorization.mark_used(tx.now)
    grant = TokenGrant(authorization.standing, scopes, resource=resource, key_thumbprint=key_thumbprint)
    issuer.keys.keep_current(tx)
    return IssuedTokens(issuer.access_token(grant, tx.now, is_short=True), tx.now)


def _require_service_app(app: App) -> None:
    if not app.is_service_app:
        sentence = "Only a Service App has tokens for an organization. An Integration gets its own from each person, a bot has one."
        raise Conflict(sentence, code="not_a_service_app")


def _strict_refusal(issuer: TokenIssuer, app: App) -> Refused | None:
    if not issuer.is_strict(app):
        return None
    sentence = (
        f"{app.name} is in strict mode: its tokens are bound to a key. Let the app fetch them at the token endpoint, "
        "with client_credentials and a DPoP proof."
    )
    return Refused(Conflict(sentence, code="strict_mode"))


def _secret_refusal(tx: Transaction, app: App, client_secret: str) -> Refused | None:
    problem = secret_problem(tx, app, client_secret)
    if not problem:
        return None
    return Refused(Invalid(problem, code="wrong_secret", fields={"clientSecret": problem}))


def secret_problem(tx: Transaction, app: App, presented: str) -> str:
    """What is wrong with a pasted client secret; empty when it is one of the app's and alive. Marks its use."""
    cleaned = "".join(presented.split())
    if not cleaned:
        return "Enter the client secret."
    if not is_well_formed(cleaned, Prefix.CLIENT_SECRET):
        return _shape_problem(cleaned)
    row = apps.find_secret(tx, digest(cleaned))
    if row is None or row.app_id != app.id or not row.is_live(tx.now):
        return f"That is not a current secret of this app.{_hint(tx, app)} Copy it again or make a new one."
    row.mark_used(tx.now, tx.origin.address)
    return ""


def _shape_problem(presented: str) -> str:
    if presented.startswith(Prefix.CLIENT_SECRET):
        return "That secret is incomplete or mistyped. Select all of it and paste it again."
    return f"That is not a client secret: one begins with {Prefix.CLIENT_SECRET}."


def _hint(tx: Transaction, app: App) -> str:
    """Which secret was expected, by its last four characters."""
    endings = [one.last_four for one in apps.list_secrets(tx, app) if one.is_live(tx.now)]
    if not endings:
        return " It has none at present."
    return (
        f" The current one ends in {endings[0]}."
        if len(endings) == 1
        else f" The current ones end in {' and '.join(endings)}."
    )


def _not_authorized(app: App) -> NotPermitted:
    sentence = f"This organization has not authorized {app.name}. A Full Administrator there authorizes it in Control Hub."
    return NotPermitted(sentence, code="not_authorized_here")


def _record(
    tx: Transaction,
    type_: str,
    app: App,
    organization_id: uuid.UUID,
    *,
    by: Account,
    name: str = "",
    outcome: events.Outcome = events.Outcome.SUCCESS,
) -> None:
    events.record(
        tx,
        type_,
        organization_id=organization_id if outcome == events.Outcome.SUCCESS else app.organization_id,
        actor=by.as_actor(),
        target=events.Target("app", str(app.id), app.name, organization_id, name or str(organization_id)),
        app_id=app.id,
        outcome=outcome,
    )
