"""Sandboxes (an extension): organizations of a developer's own to try things out in.

Any person makes them, in a free organization too. The password of the administrator's account is answered once, when the
sandbox is made. Making, extending and ending one are personal acts and need a personal access token.
"""

import uuid
from typing import Annotated, Any

from fastapi import Query, Response

from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner
from appanage.api.schemas import Body, Items, Line, PageQuery, Time, link_next, new_router
from appanage.authorizations import sandboxes
from appanage.directory import sandboxes as directory
from appanage.directory.model import Sandbox
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind

router = new_router("Sandboxes")


class SandboxInput(Body):
    name: Line


class SandboxBody(Body):
    """A sandbox; `id` is that of its organization. It has ended where `ended` is there."""

    id: str
    name: str
    admin_email: str
    created: Time
    expires: Time
    extendable_from: Time
    ended: Time | None


class MadeSandboxBody(SandboxBody):
    """A new sandbox with the password of its administrator, which is answered nowhere else."""

    admin_password: str


@router.post("/sandboxes")
def create_sandbox(call: Owner, wanted: SandboxInput) -> MadeSandboxBody:
    """Makes an organization in which the caller is Full Administrator under another account. 409 for one too many."""
    rules, passwords = call.deployment.sandbox_rules, call.deployment.passwords
    made = sandboxes.create(call.tx, call.account, wanted.name, rules=rules, passwords=passwords)
    return MadeSandboxBody(**_facts(call, made.sandbox), admin_password=made.password.reveal())


@router.get("/sandboxes")
def list_sandboxes(
    call: Developer, response: Response, query: Annotated[PageQuery, Query()]
) -> Items[SandboxBody]:
    """The caller's own, the newest first; also those that have ended."""
    page = directory.list_owned(call.tx, call.account, query.page)
    link_next(call, response, page)
    return Items(items=[SandboxBody(**_facts(call, one)) for one in page.items])


@router.get("/sandboxes/{sandbox_id}")
def get_sandbox(call: Developer, sandbox_id: str) -> SandboxBody:
    """One of the caller's own."""
    return SandboxBody(**_facts(call, directory.get_owned(call.tx, call.account, _id(call, sandbox_id))))


@router.post("/sandboxes/{sandbox_id}/extension")
def extend_sandbox(call: Owner, sandbox_id: str) -> SandboxBody:
    """Gives it its lifetime once more; 409 before its last 14 days, and after its end."""
    rules = call.deployment.sandbox_rules
    return SandboxBody(
        **_facts(call, directory.extend(call.tx, call.account, _id(call, sandbox_id), rules=rules))
    )


@router.delete("/sandboxes/{sandbox_id}", status_code=204)
def end_sandbox(call: Owner, sandbox_id: str) -> None:
    """Ends it for good, with all that it authorized."""
    longest = call.deployment.settings.lifetimes.longest_access_token
    sandboxes.end(call.tx, call.account, _id(call, sandbox_id), longest_token=longest)


def _id(call: Call, public_id: str) -> uuid.UUID:
    try:
        return call.ids.decode(Kind.ORGANIZATION, public_id)
    except NotFound as cause:
        raise directory.no_such_sandbox() from cause


def _facts(call: Call, sandbox: Sandbox) -> dict[str, Any]:
    return {
        "id": call.ids.encode(Kind.ORGANIZATION, sandbox.organization_id),
        "name": sandbox.organization.name,
        "admin_email": sandbox.administrator.email,
        "created": sandbox.created_at,
        "expires": sandbox.expires_at,
        "extendable_from": directory.extendable_from(sandbox),
        "ended": sandbox.ended_at,
    }
