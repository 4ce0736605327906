"""The caller's own apps, found by every form of their ids. Anybody else's app does not exist."""

import uuid
from typing import Annotated

from appanage.api.call import Call, needs
from appanage.apps import queries, service
from appanage.apps.model import App
from appanage.apps.queries import no_such_app
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, parse_uuid

Developer = Annotated[Call, needs("spark:applications_token", "spark:all", person=True)]
Owner = Annotated[Call, needs("spark:applications_token", "spark:all", person=True, own_act=True)]
"""Who changes apps: no app that a person allowed to act for them can reach their other apps with that."""

NOBODYS = uuid.UUID(int=0)


def owned_app(call: Call, public_id: str, *, for_update: bool = False) -> App:
    """An app of the caller; raises NotFound for anybody else's."""
    app_id = decode_app_id(call, public_id)
    if for_update:
        return service.get_to_change(call.tx, call.account, app_id, rules=call.deployment.app_rules)
    return queries.get_owned(call.tx, call.account, app_id)


def decode_app_id(call: Call, public_id: str) -> uuid.UUID:
    """The app that an id, a bare client id or a bare UUID names.

    One that there is not costs the same look-ups as one that the caller may not see (checklist CONS-12).
    """
    key = app_key(call, public_id)
    bare = parse_uuid(key)
    found = None if bare else queries.find_by_client_id(call.tx, key)
    return bare or (found.id if found else NOBODYS)


def app_key(call: Call, public_id: str) -> str:
    """The bare UUID or client id that an id names, whether or not there is such an app."""
    if queries.is_key(public_id):
        return public_id
    try:
        key = call.ids.decode_key(Kind.APPLICATION, public_id)
    except NotFound as cause:
        raise no_such_app() from cause
    if not queries.is_key(key):
        raise no_such_app()
    return key
