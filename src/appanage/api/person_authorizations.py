"""What people allowed apps, as the token grants that live by it (platform reference §5.3).

Each item is one refresh token: the grant that keeps an app connected to a person, known by its own id. Access tokens
are not stored, so none is listed, and `type` is always `refresh`; they end with the refresh token they came with. The
lasting record that a person allowed an app ends with `DELETE /authorizations?clientId=`, in Control Hub, or by the
person under Connected apps.

Full, User and Device Administrators see and end those of people in their own organization; a machine account does it
by its scopes. Everybody sees and ends their own with a token that has `spark:all`.
"""

import uuid
from typing import Annotated, Literal

from fastapi import Query

from appanage.api.app_bodies import public_id
from appanage.api.call import Call, needs
from appanage.api.schemas import Body, FilledLine, Items, Line, Time, new_router
from appanage.apps.model import App
from appanage.authorizations import disconnections, integrations, refresh_tokens
from appanage.authorizations import queries as authorizations
from appanage.authorizations.model import RefreshToken
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import TOKEN_ADMINISTRATORS
from appanage.kit.errors import Invalid, NotFound, Refused
from appanage.kit.ids import Kind

router = new_router("Authorizations of people")

READ, WRITE, OWN = "identity:tokens_read", "identity:tokens_write", "spark:all"

Reader = Annotated[Call, needs(READ, OWN)]
Writer = Annotated[Call, needs(WRITE, OWN)]
Administrator = Annotated[Call, needs(WRITE)]
Anybody = Annotated[Call, needs()]


class PersonQuery(Body):
    """Whose authorizations: exactly one of the two."""

    person_id: Line | None = None
    person_email: Line | None = None


class ClientQuery(Body):
    """Whose client; `orgId` may be left out: it is the caller's organization in any case."""

    client_id: FilledLine
    org_id: Line | None = None


class GrantBody(Body):
    """A refresh token, without the token."""

    id: str
    application_id: str
    application_name: str
    person_id: str
    client_id: str
    created: Time
    type: Literal["refresh"] = "refresh"


class ExpiryBody(Body):
    """`exp` in milliseconds since 1970."""

    exp: int


@router.get("/authorizations")
def list_person_authorizations(call: Reader, query: Annotated[PersonQuery, Query()]) -> Items[GrantBody]:
    """The live refresh tokens that apps hold for one person, the newest first; the list has no pages.

    400 without a person or with two, 404 for one of another organization.
    """
    person = _person(call, query)
    return Items(items=[_body(call, one) for one in authorizations.list_live_refresh_tokens(call.tx, person)])


@router.get("/authorizations/tokenExpiry")
def get_token_expiry(call: Anybody) -> ExpiryBody:
    """When the token that calls expires. Any valid token may ask."""
    return ExpiryBody(exp=int(call.caller.expires_at.timestamp() * 1000))


@router.delete("/authorizations", status_code=204, response_model=None)
def delete_client_authorizations(
    call: Administrator, query: Annotated[ClientQuery, Query()]
) -> Refused | None:
    """Disconnects everybody in the organization from one client: every token that it holds for them is dead.

    404 when nobody here has it connected, whether or not there is such a client.
    """
    organization = call.own_organization(query.org_id)
    call.require_role(*TOKEN_ADMINISTRATORS)
    app = integrations.find_by_client_id(call.tx, query.client_id)
    ended = _disconnect_all(call, organization, app) if app else 0
    if isinstance(ended, Refused):
        return ended
    if not ended:
        raise NotFound("Nobody in your organization has connected this client.", code="not_connected")
    return None


@router.delete("/authorizations/{authorization_id}", status_code=204)
def delete_person_authorization(call: Writer, authorization_id: str) -> None:
    """Ends one refresh token and every access token that came with it.

    With the scope `spark:all` alone an app ends only what was issued to itself, a personal access token all that is
    its person's.
    """
    grant = _grant(call, call.ids.decode(Kind.AUTHORIZATION, authorization_id))
    refresh_tokens.revoke_refresh(
        call.tx,
        grant,
        grant.authorization.app,
        longest_life=call.deployment.issuer.longest_life,
        actor=call.account.as_actor(),
    )


def _disconnect_all(call: Call, organization: Organization, app: App) -> int | Refused:
    longest_token = call.deployment.issuer.longest_life
    return disconnections.disconnect_all(
        call.tx, organization, app, by=call.account, longest_token=longest_token
    )


def _person(call: Call, query: PersonQuery) -> Account:
    """The caller, or for administrators somebody of the same organization. Who may not ask learns nothing of who exists."""
    if bool(query.person_id) == bool(query.person_email):
        sentence = "Give either personId or personEmail."
        raise Invalid(sentence, fields={"personId": sentence})
    person_id = call.ids.decode(Kind.PEOPLE, query.person_id) if query.person_id else None
    if _is_own(call.account, person_id, query.person_email):
        return call.account
    call.require_scope(READ)
    call.require_role(*TOKEN_ADMINISTRATORS)
    person = _find(call, person_id, query.person_email or "")
    if person is None or not person.is_person or person.organization_id != call.organization.id:
        raise NotFound("There is no person with this id or address.", code="person_not_found")
    return person


def _is_own(account: Account, person_id: uuid.UUID | None, email: str | None) -> bool:
    return account.id == person_id or account.email.lower() == (email or "").lower()


def _find(call: Call, person_id: uuid.UUID | None, email: str) -> Account | None:
    if person_id is not None:
        return directory.find_account(call.tx, person_id)
    return directory.find_person_by_email(call.tx, email)


def _grant(call: Call, grant_id: uuid.UUID) -> RefreshToken:
    """A live grant that the caller may end, locked; every other one does not exist."""
    grant = authorizations.find_live_refresh_token(call.tx, call.organization.id, grant_id)
    if grant is None or not _may_see(call, grant):
        raise NotFound("There is no authorization with this id.", code="authorization_not_found")
    if not _is_ones_own(call, grant):
        call.require_role(*TOKEN_ADMINISTRATORS)
    return grant


def _may_see(call: Call, grant: RefreshToken) -> bool:
    return _is_ones_own(call, grant) or call.has_scope(WRITE)


def _is_ones_own(call: Call, grant: RefreshToken) -> bool:
    """What the person of a token has, seen from the app that holds the token (platform reference §5.3)."""
    authorization, app = grant.authorization, call.caller.app
    return authorization.account_id == call.account.id and (app is None or app.id == authorization.app_id)


def _body(call: Call, grant: RefreshToken) -> GrantBody:
    authorization = grant.authorization
    return GrantBody(
        id=call.ids.encode(Kind.AUTHORIZATION, grant.id),
        application_id=public_id(call, authorization.app),
        application_name=authorization.app.name,
        person_id=call.ids.encode(Kind.PEOPLE, authorization.account_id),
        client_id=authorization.app.client_id,
        created=grant.issued_at,
    )
