"""The apps that the demonstration offers in the App Hub, and one that waits for its review."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appanage.apps.model import AppKind


@dataclass(frozen=True, slots=True)
class DemoListing:
    """An app and what its public page says; `scopes` with the reason for each, `optional` those it can do without."""

    developer: str
    company: str
    name: str
    summary: str
    tagline: str
    description: str
    scopes: Mapping[str, str]
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    industry: str
    languages: tuple[str, ...]
    site: str
    kind: AppKind = AppKind.SERVICE_APP
    optional: tuple[str, ...] = ()
    redirects: tuple[str, ...] = field(default=())
    is_featured: bool = False
    is_waiting: bool = False
    is_asked_for: bool = False


@dataclass(frozen=True, slots=True)
class DemoShare:
    """An app that its developer sends to one organization."""

    developer: str
    company: str
    name: str
    summary: str
    scopes: Mapping[str, str]
    message: str


REQUEST_BY = "readonly@contoso.example"
REQUEST = "The auditors ask every quarter which licenses nobody uses. This would answer them."

_FABRIKAM = "developer@fabrikam.example"
_NORTHWIND = "developer@northwind.example"

LISTINGS = (
    DemoListing(
        developer=_FABRIKAM,
        company="Fabrikam",
        name="License Lens",
        summary="Shows which licenses nobody uses, and what that costs, in a weekly report for administrators.",
        tagline="Find the licenses that nobody uses",
        description=(
            "**License Lens** compares the licenses of your organization with what people really use, once a week.\n\n"
            "- One page for the finance department, one for the service desk\n"
            "- Names only where you want them: without the optional scope it counts and names nobody\n"
            "- It only reads, so nothing in your organization changes\n\n"
            "## How it begins\n\n"
            "A Full Administrator authorizes the app; the first report is ready the next Monday."
        ),
        scopes={
            "spark-admin:licenses_read": "Counts the licenses of your organization and how many are taken.",
            "spark-admin:organizations_read": "Shows the name of your organization on the report.",
            "spark-admin:people_read": "Lists by name who has a license and does not use it.",
        },
        optional=("spark-admin:people_read",),
        categories=("administration", "analytics"),
        tags=("licenses", "reports", "costs"),
        industry="all",
        languages=("en-US", "de-DE"),
        site="https://license-lens.fabrikam.example",
        is_featured=True,
        is_asked_for=True,
    ),
    DemoListing(
        developer=_FABRIKAM,
        company="Fabrikam",
        name="Standup Notes",
        summary="Collects what a team did and plans, and posts it in the team's space.",
        tagline="Your daily round, written instead of spoken",
        description=(
            "Everybody answers two questions when their day begins, and the team reads the answers in its space.\n\n"
            "1. *What did you finish?*\n"
            "2. *What comes next?*\n\n"
            "It speaks when it is spoken to, and it never writes anywhere else."
        ),
        scopes={
            "spark:rooms_read": "Lets you choose the space of your team.",
            "spark:people_read": "Puts names beside the answers.",
        },
        categories=("messaging", "productivity"),
        tags=("teams", "standup", "agile"),
        industry="software",
        languages=("en-US", "fr-FR", "es-ES"),
        site="https://standup.fabrikam.example",
        kind=AppKind.INTEGRATION,
        redirects=("https://standup.fabrikam.example/callback",),
        is_featured=True,
    ),
    DemoListing(
        developer=_NORTHWIND,
        company="Northwind Traders",
        name="Room Finder",
        summary="Finds a free room nearby and tells facilities which ones are never used.",
        tagline="The next free room, two doors away",
        description=(
            "**Room Finder** knows which rooms are free now and for how long.\n\n"
            "Facilities see how often each room is used, by hour and by weekday, and never who was in it."
        ),
        scopes={
            "spark-admin:workspaces_read": "Lists the rooms of your buildings with their capacity.",
            "spark-admin:devices_read": "Tells from its device whether a room is in use.",
        },
        categories=("devices", "productivity"),
        tags=("rooms", "facilities", "occupancy"),
        industry="all",
        languages=("en-US", "en-GB"),
        site="https://rooms.northwind.example",
    ),
    DemoListing(
        developer=_NORTHWIND,
        company="Northwind Traders",
        name="Audit Courier",
        summary="Brings the admin audit log of an organization to its own log archive, every five minutes.",
        tagline="Your audit log, in your archive",
        description=(
            "**Audit Courier** reads new audit events every five minutes and writes them where your security team looks.\n\n"
            "- Formats: JSON lines, CEF, syslog\n"
            "- Each event once, in order, also after an interruption\n"
            "- Nothing is kept on the way"
        ),
        scopes={"audit:events_read": "Reads the events that it delivers. It needs nothing else."},
        categories=("security", "compliance"),
        tags=("audit", "siem", "logs"),
        industry="banking",
        languages=("en-US",),
        site="https://courier.northwind.example",
        is_waiting=True,
    ),
)

SHARED = DemoShare(
    developer=_FABRIKAM,
    company="Fabrikam",
    name="Badge Printer",
    summary="Prints a visitor badge as soon as somebody is expected.",
    scopes={"spark-admin:people_read": "Puts the host's name on the badge."},
    message="The pilot that we talked about. It runs until the end of March.",
)
