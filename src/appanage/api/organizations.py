"""Organizations (platform reference §5.5): everybody sees the own one and no other."""

from typing import Annotated

from appanage.api.call import Call, needs
from appanage.api.schemas import Body, Items, Time, new_router
from appanage.directory.model import Organization
from appanage.kit.ids import Kind, PublicIds

router = new_router("Organizations")

OrganizationReader = Annotated[Call, needs("spark-admin:organizations_read", "spark:organizations_read")]


class OrganizationBody(Body):
    id: str
    display_name: str
    created: Time


@router.get("/organizations")
def list_organizations(call: OrganizationReader) -> Items[OrganizationBody]:
    """The organizations that the caller belongs to, which is one."""
    return Items(items=[_body(call.organization, call.ids)])


@router.get("/organizations/{organization_id}")
def get_organization(call: OrganizationReader, organization_id: str) -> OrganizationBody:
    """One organization."""
    return _body(call.own_organization(organization_id), call.ids)


def _body(organization: Organization, ids: PublicIds) -> OrganizationBody:
    return OrganizationBody(
        id=ids.encode(Kind.ORGANIZATION, organization.id),
        display_name=organization.name,
        created=organization.created_at,
    )
