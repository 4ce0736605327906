"""The client secrets of an app: at most two alive at once, so that one can be replaced in peace."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Body, Items, Time, new_router
from appanage.apps import credentials, queries
from appanage.apps.model import App, ClientSecret
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, parse_uuid
from appanage.kit.secrets import Secret

router = new_router("Client secrets")

Hours = Annotated[int, Field(ge=0, le=168)]


class OverlapQuery(Body):
    """For how long the present secret goes on beside the new one."""

    overlap_hours: Hours = 0


class NewSecretInput(Body):
    """As the query of a regeneration; without a word the present secret goes on for a week."""

    overlap_hours: Hours = 168


class RegeneratedBody(Body):
    client_secret: str


class SecretBody(Body):
    """A client secret without its value, which is shown once, when it is made."""

    id: str
    last_four: str
    created: Time
    created_by: str
    created_by_name: str
    expires: Time
    ends: Time | None
    is_live: bool
    last_used: Time | None
    last_used_from: str | None
    client_secret: str | None = None


@router.delete("/applications/{application_id}/clientSecret")
def regenerate_client_secret(
    call: Owner, application_id: str, query: Annotated[OverlapQuery, Query()]
) -> RegeneratedBody:
    """Makes a new client secret. The others end at once, or the newest of them after `overlapHours`."""
    app = owned_app(call, application_id, for_update=True)
    return RegeneratedBody(client_secret=_add(call, app, query.overlap_hours).reveal())


@router.get("/applications/{application_id}/clientSecrets")
def list_client_secrets(call: Developer, application_id: str) -> Items[SecretBody]:
    """All secrets of the app, the newest first; also those that have ended."""
    rows = queries.list_secrets(call.tx, owned_app(call, application_id))
    return Items(items=[_body(call, row) for row in rows])


@router.post("/applications/{application_id}/clientSecrets")
def create_client_secret(
    call: Owner, application_id: str, wanted: NewSecretInput | None = None
) -> SecretBody:
    """Makes a new client secret beside the present one, which ends after `overlapHours`, a week unless told."""
    app = owned_app(call, application_id, for_update=True)
    secret = _add(call, app, (wanted or NewSecretInput()).overlap_hours)
    row = queries.find_secret(call.tx, secret.digest)
    assert row is not None
    body = _body(call, row)
    body.client_secret = secret.reveal()
    return body


@router.delete("/applications/{application_id}/clientSecrets/{secret_id}", status_code=204)
def revoke_client_secret(call: Owner, application_id: str, secret_id: str) -> None:
    """Ends one secret at once; the others stay as they are."""
    app = owned_app(call, application_id, for_update=True)
    known = parse_uuid(secret_id)
    if known is None:
        raise NotFound("There is no client secret with this id.")
    credentials.revoke_secret(call.tx, app, queries.get_secret(call.tx, app, known), by=call.account)


def _add(call: Call, app: App, overlap_hours: int) -> Secret:
    rules, overlap = call.deployment.app_rules, timedelta(hours=overlap_hours)
    return credentials.add_secret(call.tx, app, by=call.account, rules=rules, overlap=overlap)


def _body(call: Call, row: ClientSecret) -> SecretBody:
    return SecretBody(
        id=str(row.id),
        last_four=row.last_four,
        created=row.created_at,
        created_by=call.ids.encode(Kind.PEOPLE, row.created_by),
        created_by_name=row.created_by_name,
        expires=row.expires_at,
        ends=row.revoked_at,
        is_live=row.is_live(call.tx.now),
        last_used=row.last_used_at,
        last_used_from=row.last_used_from,
    )
