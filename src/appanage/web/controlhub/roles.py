"""The roles: what each can do here, and who holds it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from appanage.directory import queries as directory
from appanage.directory.model import Account, AccountKind
from appanage.directory.queries import PeopleFilter
from appanage.directory.roles import Role
from appanage.web.controlhub.access import Ability, enter, explanation, may
from appanage.web.pages import Page, Pages
from appanage.web.visit import Visit

_SHOWN = 5


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/hub/roles", index)]


@dataclass(frozen=True, slots=True)
class HeldRole:
    role: Role
    explanation: str
    holders: Sequence[Account]
    more: int


def index(visit: Visit) -> Page:
    viewer = enter(visit, Ability.ENTER)
    return Page(
        "controlhub/roles/index.html",
        area="hub",
        here="roles",
        rows=[_held(visit, viewer, role) for role in viewer.organization.roles],
        may_see_people=may(viewer, Ability.SEE_PEOPLE),
    )


def _held(visit: Visit, viewer: Account, role: Role) -> HeldRole:
    wanted = PeopleFilter(roles=[role], kinds=[AccountKind.PERSON])
    total = directory.count_people(visit.tx, viewer.organization_id, wanted)
    shown = directory.list_with_role(visit.tx, viewer.organization_id, role, limit=_SHOWN)
    return HeldRole(role, explanation(role), shown, total - len(shown))
