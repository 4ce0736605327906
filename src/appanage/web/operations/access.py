"""Who may open the pages of those who run the platform."""

from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import NotFound, NotPermitted
from appanage.web.visit import Visit


def enter(visit: Visit, role: Role) -> Account:
    """The viewer, who holds this role in the operator's organization. For everybody else there is no such page.

    Raises NotFound; and NotPermitted for a form that one of the operator's people sends who held the role a moment ago.
    """
    viewer = visit.viewer
    if viewer.runs_the_platform_as(role):
        return viewer
    if viewer.organization.is_operator and visit.method == "POST":
        sentence = f"You need the role {role.label} for this, and do not hold it now. Nothing was changed."
        raise NotPermitted(sentence, code="role_missing", roles=[role.label])
    raise NotFound("This page does not exist.")
