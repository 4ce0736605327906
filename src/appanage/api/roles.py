"""Roles (platform reference §5.6)."""

from typing import Annotated

from appanage.api.call import Call, needs
from appanage.api.schemas import Body, Items, new_router
from appanage.directory.roles import PEOPLE_READERS, Role, find_role
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, PublicIds

router = new_router()

RoleReader = Annotated[Call, needs("spark-admin:roles_read")]


class RoleBody(Body):
    id: str
    name: str


@router.get("/roles")
def list_roles(call: RoleReader) -> Items[RoleBody]:
    """Every role that an account can hold."""
    call.require_role(*PEOPLE_READERS)
    return Items(items=[_body(role, call.ids) for role in Role])


@router.get("/roles/{role_id}")
def get_role(call: RoleReader, role_id: str) -> RoleBody:
    call.require_role(*PEOPLE_READERS)
    return _body(decode_role(role_id, call.ids), call.ids)


def decode_role(public_id: str, ids: PublicIds) -> Role:
    """The role that an id or a bare key names; raises NotFound."""
    found = find_role(public_id) or find_role(ids.decode_key(Kind.ROLE, public_id))
    if found is None:
        raise NotFound("There is no role with this id.")
    return found


def _body(role: Role, ids: PublicIds) -> RoleBody:
    return RoleBody(id=ids.encode(Kind.ROLE, role.value), name=role.label)
