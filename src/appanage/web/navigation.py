"""Where one can go: the consoles in the header and the links at the side."""

from appanage.authorizations.queries import count_decisions
from appanage.directory.model import Account
from appanage.settings import Brand
from appanage.web.visit import Visit

Link = tuple[str, str, str, str, int, bool]
Group = tuple[str, list[Link]]


def areas_for(viewer: Account | None, brand: Brand) -> list[tuple[str, str, str]]:
    """The consoles that this person can open: key, name, address."""
    if viewer is None:
        return []
    areas = [("portal", brand.portal, "/portal/apps")]
    if viewer.is_administrator and not viewer.organization.is_free:
        areas.append(("hub", brand.hub, "/hub/service-apps"))
    return areas


def nav_for(visit: Visit, area: str) -> list[Group]:
    """The links of one console in groups: heading, then key, label, icon, address, count, whether it is urgent."""
    if visit.session is None:
        return []
    if area == "hub":
        return _hub(visit)
    return [
        ("", [("apps", "My apps", "apps", "/portal/apps", 0, False)]),
        ("Build", [("scopes", "Scope reference", "list-search", "/portal/scopes", 0, False)]),
    ]


def _hub(visit: Visit) -> list[Group]:
    waiting = count_decisions(visit.tx, visit.viewer.organization_id)["needs_decision"]
    return [
        (
            "Management",
            [("service-apps", "Service apps", "server-cog", "/hub/service-apps", waiting, waiting > 0)],
        ),
        (
            "Directory",
            [
                ("users", "Users", "users", "/hub/users", 0, False),
                ("roles", "Roles", "shield-check", "/hub/roles", 0, False),
            ],
        ),
        ("Security", [("audit", "Audit log", "history", "/hub/audit", 0, False)]),
    ]
