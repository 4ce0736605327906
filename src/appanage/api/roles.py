"""Roles (platform reference §5.6)."""

from collections.abc import Iterable
from typing import Annotated

from appanage.api.call import Call, needs
from appanage.api.schemas import Body, Items, new_router
from appanage.directory.roles import ADMINISTRATORS, Role, find_role
from appanage.kit.errors import Invalid, NotFound
from appanage.kit.ids import Kind, PublicIds

router = new_router("Roles")

RoleReader = Annotated[Call, needs("spark-admin:roles_read")]


class RoleBody(Body):
    id: str
    name: str


@router.get("/roles")
def list_roles(call: RoleReader) -> Items[RoleBody]:
    """Every role that an account of the organization can hold."""
    call.require_role(*ADMINISTRATORS)
    return Items(items=[_body(role, call.ids) for role in call.organization.roles])


@router.get("/roles/{role_id}")
def get_role(call: RoleReader, role_id: str) -> RoleBody:
    """One role."""
    call.require_role(*ADMINISTRATORS)
    return _body(decode_role(role_id, call), call.ids)


def decode_role(public_id: str, call: Call) -> Role:
    """The role of the caller's organization that an id or a bare key names; raises NotFound."""
    known = call.organization.roles
    found = find_role(public_id, known) or find_role(call.ids.decode_key(Kind.ROLE, public_id), known)
    if found is None:
        raise NotFound("There is no role with this id.")
    return found


def decode_roles(public_ids: Iterable[str], call: Call) -> list[Role]:
    """The roles of a list, in which one entry may hold several ids joined by commas; raises Invalid."""
    try:
        return [decode_role(one, call) for one in separated(public_ids)]
    except NotFound as cause:
        sentence = "A role is not known. List the roles with GET /v1/roles."
        raise Invalid(sentence, fields={"roles": sentence}) from cause


def separated(values: Iterable[str]) -> list[str]:
    """The parts between commas, once each, in their order; the platform's examples join ids so even inside lists."""
    parts = (part.strip() for value in values for part in value.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def _body(role: Role, ids: PublicIds) -> RoleBody:
    return RoleBody(id=ids.encode(Kind.ROLE, role.value), name=role.label)
