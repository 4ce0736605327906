"""The public keys of a client that signs assertions (RFC 7523): at most two alive at once."""

from typing import Any

from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Body, Items, Text, Time, new_router
from appanage.apps import credentials, queries
from appanage.apps.model import ClientKey
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, parse_uuid

router = new_router("Client keys")


class NewKeyInput(Body):
    """A public key as a JWK (text of JSON) or as PEM."""

    key: Text


class KeyBody(Body):
    """A key as it is registered; nothing of it is secret."""

    id: str
    label: str
    algorithm: str
    thumbprint: str
    jwk: dict[str, Any]
    created: Time
    created_by: str
    created_by_name: str
    revoked: Time | None
    last_used: Time | None
    last_used_from: str | None


@router.get("/applications/{application_id}/clientKeys")
def list_client_keys(call: Developer, application_id: str) -> Items[KeyBody]:
    """All keys of the app, the newest first; also those that were revoked."""
    rows = queries.list_keys(call.tx, owned_app(call, application_id))
    return Items(items=[_body(call, row) for row in rows])


@router.post("/applications/{application_id}/clientKeys")
def create_client_key(call: Owner, application_id: str, wanted: NewKeyInput) -> KeyBody:
    """Registers a public key beside the present one. 409 for a third one, and for an app that proves itself otherwise."""
    app = owned_app(call, application_id, for_update=True)
    return _body(
        call, credentials.add_key(call.tx, app, wanted.key, by=call.account, rules=call.deployment.app_rules)
    )


@router.delete("/applications/{application_id}/clientKeys/{key_id}", status_code=204)
def revoke_client_key(call: Owner, application_id: str, key_id: str) -> None:
    """Ends one key at once; the other stays as it is."""
    app = owned_app(call, application_id, for_update=True)
    known = parse_uuid(key_id)
    if known is None:
        raise NotFound("There is no client key with this id.")
    credentials.revoke_key(call.tx, app, queries.get_key(call.tx, app, known), by=call.account)


def _body(call: Call, row: ClientKey) -> KeyBody:
    return KeyBody(
        id=str(row.id),
        label=row.label,
        algorithm=row.algorithm,
        thumbprint=row.thumbprint,
        jwk=row.jwk,
        created=row.created_at,
        created_by=call.ids.encode(Kind.PEOPLE, row.created_by),
        created_by_name=row.created_by_name,
        revoked=row.revoked_at,
        last_used=row.last_used_at,
        last_used_from=row.last_used_from,
    )
