"""Where one can go: the consoles in the header and the links at the side."""

from appanage.apphub.queries import count_waiting as count_submitted
from appanage.apps.queries import count_ownerless
from appanage.authorizations.inbox import count_waiting
from appanage.authorizations.request_queries import count_open_of_viewer
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.settings import Settings
from appanage.web.controlhub.access import Ability, may
from appanage.web.visit import Visit

Link = tuple[str, str, str, str, int, bool]
Group = tuple[str, list[Link]]


def areas_for(viewer: Account | None, settings: Settings) -> list[tuple[str, str, str]]:
    """The consoles that this person can open: key, name, address. The App Hub is open to everybody."""
    brand = settings.brand
    areas = [("apphub", brand.apphub, "/apps")] if settings.rules.has_app_hub else []
    if viewer is None:
        return areas
    areas.insert(0, ("portal", brand.portal, "/portal/apps"))
    if viewer.is_administrator and not viewer.organization.is_free:
        areas.insert(1, ("hub", brand.hub, "/hub"))
    links = _operations(viewer, settings)
    if links:
        areas.append(("operations", "Operations", links[0][3]))
    return areas


def nav_for(visit: Visit, area: str) -> list[Group]:
    """The links of one console in groups: heading, then key, label, icon, address, count, whether it is urgent."""
    if visit.session is None:
        return []
    return [*_groups(visit, area), *_demonstration(visit)]


def _groups(visit: Visit, area: str) -> list[Group]:
    if area == "hub":
        return _hub(visit)
    if area == "account":
        return _account()
    if area == "apphub":
        return []
    if area == "operations":
        settings = visit.deployment.settings
        waiting = count_submitted(visit.tx) if settings.rules.has_app_hub else 0
        return [("Operations", _operations(visit.viewer, settings, waiting))]
    asked = count_open_of_viewer(visit.tx, visit.viewer)
    return [
        (
            "",
            [
                ("apps", "My apps", "apps", "/portal/apps", 0, False),
                ("requests", "Requests", "send", "/portal/requests", asked, False),
            ],
        ),
        ("Build", _building(visit)),
    ]


def _building(visit: Visit) -> list[Link]:
    links: list[Link] = [("scopes", "Scope reference", "list-search", "/portal/scopes", 0, False)]
    if visit.deployment.settings.sandboxes:
        links.append(("sandboxes", "Sandboxes", "building", "/portal/sandboxes", 0, False))
    return links


def _operations(viewer: Account, settings: Settings, waiting: int = 0) -> list[Link]:
    """The pages of those who run the platform, as far as this person's roles reach; so many submissions wait."""
    if not viewer.organization.is_operator:
        return []
    links: list[tuple[Role, Link]] = [
        (Role.APP_REVIEWER, ("review", "Review", "list-check", "/review", waiting, waiting > 0)),
        (Role.OPERATOR, ("apps", "Apps", "apps", "/operations/apps", 0, False)),
        (Role.OPERATOR, ("mail", "Mail", "mail", "/operations/mail", 0, False)),
    ]
    has_review = settings.rules.has_app_hub
    return [link for role, link in links if role in viewer.roles and (has_review or link[0] != "review")]


def _demonstration(visit: Visit) -> list[Group]:
    """Letters that nobody is sent can be read by everybody."""
    is_demo = visit.deployment.settings.demo
    return [("Demonstration", [("outbox", "Outbox", "mail", "/outbox", 0, False)])] if is_demo else []


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
    waiting = count_waiting(visit.tx, visit.viewer.organization_id)
    links: dict[str, list[tuple[Ability, Link]]] = {
        "Management": [
            (Ability.SEE_PEOPLE, ("users", "Users", "users", "/hub/users", 0, False)),
            (Ability.ENTER, ("roles", "Roles", "shield-check", "/hub/roles", 0, False)),
        ],
        "Apps": [
            (
                Ability.SEE_APPS,
                ("requests", "Requests", "inbox", "/hub/requests", waiting, waiting > 0),
            ),
            (
                Ability.SEE_APPS,
                ("service-apps", "Service apps", "server-cog", "/hub/service-apps", 0, False),
            ),
            (
                Ability.SEE_APPS,
                ("app-policies", "App policies", "adjustments", "/hub/app-policies", 0, False),
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
    if may(visit.viewer, Ability.ADOPT):
        links["Apps"].append((Ability.ADOPT, _adoption(visit)))
    if visit.deployment.settings.rules.by_administrators:
        address = "/hub/administrator-token"
        token: Link = ("administrator-token", "Administrator token", "key", address, 0, False)
        links["Apps"].append((Ability.GET_TOKEN, token))
    groups = [
        (heading, [link for ability, link in those if may(visit.viewer, ability)])
        for heading, those in links.items()
    ]
    return [(heading, shown) for heading, shown in groups if shown]


def _adoption(visit: Visit) -> Link:
    ownerless = count_ownerless(visit.tx, visit.viewer.organization_id)
    address = "/hub/apps-without-owner"
    return "apps-without-owner", "Apps without an owner", "users", address, ownerless, ownerless > 0
