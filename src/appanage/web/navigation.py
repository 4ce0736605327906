"""Where one can go: the consoles in the header and the links at the side."""

from appanage.authorizations.decisions import count_decisions
from appanage.directory.model import Account
from appanage.settings import Brand
from appanage.web.controlhub.access import Ability, may
from appanage.web.visit import Visit

Link = tuple[str, str, str, str, int, bool]
Group = tuple[str, list[Link]]


def areas_for(viewer: Account | None, brand: Brand) -> list[tuple[str, str, str]]:
    """The consoles that this person can open: key, name, address."""
    if viewer is None:
        return []
    areas = [("portal", brand.portal, "/portal/apps")]
    if viewer.is_administrator and not viewer.organization.is_free:
        areas.append(("hub", brand.hub, "/hub"))
    return areas


def nav_for(visit: Visit, area: str) -> list[Group]:
    """The links of one console in groups: heading, then key, label, icon, address, count, whether it is urgent."""
    if visit.session is None:
        return []
    if area == "hub":
        return _hub(visit)
    if area == "account":
        return _account()
    return [
        ("", [("apps", "My apps", "apps", "/portal/apps", 0, False)]),
        ("Build", [("scopes", "Scope reference", "list-search", "/portal/scopes", 0, False)]),
    ]


def _account() -> list[Group]:
    return [
        (
            "Account",
            [
                ("profile", "Profile and sessions", "user-circle", "/account", 0, False),
                ("connected-apps", "Connected apps", "plug-connected", "/account/connected-apps", 0, False),
                ("tokens", "Personal access tokens", "terminal-2", "/account/tokens", 0, False),
                ("password", "Password", "key", "/account/password", 0, False),
            ],
        )
    ]


def _hub(visit: Visit) -> list[Group]:
    """Only what the viewer may open."""
    waiting = count_decisions(visit.tx, visit.viewer.organization_id)["needs_decision"]
    links: dict[str, list[tuple[Ability, Link]]] = {
        "Management": [
            (Ability.SEE_PEOPLE, ("users", "Users", "users", "/hub/users", 0, False)),
            (Ability.ENTER, ("roles", "Roles", "shield-check", "/hub/roles", 0, False)),
        ],
        "Apps": [
            (
                Ability.SEE_APPS,
                ("service-apps", "Service apps", "server-cog", "/hub/service-apps", waiting, waiting > 0),
            ),
            (
                Ability.SEE_APPS,
                ("integrations", "Integrations", "plug-connected", "/hub/integrations", 0, False),
            ),
            (Ability.SEE_APPS, ("bots", "Bots", "robot", "/hub/bots", 0, False)),
            (
                Ability.SEE_APPS,
                ("machine-accounts", "Machine accounts", "user-circle", "/hub/machine-accounts", 0, False),
            ),
        ],
        "Monitoring": [
            (Ability.READ_AUDIT, ("audit", "Audit log", "history", "/hub/audit", 0, False)),
        ],
    }
    if visit.deployment.settings.rules.by_administrators:
        address = "/hub/administrator-token"
        token: Link = ("administrator-token", "Administrator token", "key", address, 0, False)
        links["Apps"].append((Ability.GET_TOKEN, token))
    groups = [
        (heading, [link for ability, link in those if may(visit.viewer, ability)])
        for heading, those in links.items()
    ]
    return [(heading, shown) for heading, shown in groups if shown]
