"""Licenses (platform reference §5.7): read only."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field

from appanage.api.call import Call, needs
from appanage.api.person_bodies import license_key_in
from appanage.api.schemas import Body, Items, Line, link_next, lowered_to, new_router
from appanage.directory import queries
from appanage.directory.model import License
from appanage.directory.queries import PeopleFilter
from appanage.directory.roles import ADMINISTRATORS
from appanage.kit.errors import NotFound
from appanage.kit.ids import Kind, PublicIds, parse_uuid
from appanage.kit.paging import PageRequest

router = new_router("Licenses")

LicenseReader = Annotated[Call, needs("spark-admin:licenses_read")]


class LicensesQuery(Body):
    org_id: Line | None = None


class LicenseQuery(Body):
    """Whether to show who has the license, and which page of them."""

    include_assigned_to: Literal["user"] | None = None
    size: Annotated[int, Field(alias="limit", ge=1), lowered_to(300)] = 300
    next: str | None = None


class AssigneeBody(Body):
    id: str
    type: str = "INTERNAL"
    display_name: str
    email: str


class LicenseBody(Body):
    id: str
    name: str
    total_units: int
    consumed_units: int
    consumed_by_users: int
    consumed_by_workspaces: int = 0
    users: list[AssigneeBody] | None = None


@router.get("/licenses")
def list_licenses(call: LicenseReader, query: Annotated[LicensesQuery, Query()]) -> Items[LicenseBody]:
    """The organization's licenses, and how many people have each."""
    call.require_role(*ADMINISTRATORS)
    organization = call.own_organization(query.org_id)
    consumed = queries.consumed_units(call.tx, organization.id)
    found = queries.list_licenses(call.tx, organization.id)
    return Items(items=[_body(one, consumed, call.ids) for one in found])


@router.get("/licenses/{license_id}")
def get_license(
    call: LicenseReader, response: Response, license_id: str, query: Annotated[LicenseQuery, Query()]
) -> LicenseBody:
    """One license; with `includeAssignedTo=user` also who has it, a page at a time."""
    call.require_role(*ADMINISTRATORS)
    found = _get(call, license_id)
    body = _body(found, queries.consumed_units(call.tx, found.organization_id), call.ids)
    if query.include_assigned_to:
        body.users = _assignees(call, response, found, PageRequest(query.size, query.next))
    return body


def _get(call: Call, public_id: str) -> License:
    license_id = parse_uuid(license_key_in(public_id, call.ids))
    if license_id is None:
        raise NotFound("There is no license with this id.")
    return queries.get_license(call.tx, call.organization.id, license_id)


def _assignees(call: Call, response: Response, of: License, page: PageRequest) -> list[AssigneeBody]:
    found = queries.list_people(call.tx, of.organization_id, PeopleFilter(license_id=of.id), page)
    link_next(call, response, found, parameter="next")
    return [
        AssigneeBody(
            id=call.ids.encode(Kind.PEOPLE, person.id), display_name=person.display_name, email=person.email
        )
        for person in found.items
    ]


def _body(of: License, consumed: Mapping[uuid.UUID, int], ids: PublicIds) -> LicenseBody:
    units = consumed.get(of.id, 0)
    return LicenseBody(
        id=ids.encode(Kind.LICENSE, of.public_key),
        name=of.name,
        total_units=of.total_units,
        consumed_units=units,
        consumed_by_users=units,
    )
