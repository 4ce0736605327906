"""Who and what the demonstration shows: its organizations, their named people and its app."""

import uuid
from dataclasses import dataclass

from appanage.directory.model import Plan
from appanage.directory.roles import Role

PASSWORD = "correct-harbor-lantern"  # public on purpose: the demonstration is served to its own machine only
_IDS = uuid.UUID("a3f0b2d8-5c1e-4b7a-9d46-0e8c7f512a93")


@dataclass(frozen=True, slots=True)
class DemoPerson:
    email: str
    first_name: str
    last_name: str
    title: str
    department: str
    roles: tuple[Role, ...] = ()

    @property
    def does(self) -> str:
        """What the person is there for."""
        return " and ".join(role.label for role in self.roles) or "Developer"


@dataclass(frozen=True, slots=True)
class DemoOrganization:
    name: str
    domain: str
    people: tuple[DemoPerson, ...]
    licenses: tuple[tuple[str, str, int], ...]  # code, name, units
    plan: Plan = Plan.STANDARD
    is_operator: bool = False

    @property
    def id(self) -> uuid.UUID:
        """The same in every demonstration, so that it can be recognized."""
        return uuid.uuid5(_IDS, self.domain)


_LICENSES = (
    ("MS", "Advanced Messaging", 100),
    ("EE", "Meetings 1000", 60),
    ("BCSTD", "Calling Professional", 40),
)

NORTHWIND = DemoOrganization(
    "Northwind Traders",
    "northwind.example",
    (
        DemoPerson(
            "developer@northwind.example", "Maya", "Lindqvist", "Senior Software Engineer", "Engineering"
        ),
        DemoPerson(
            "admin@northwind.example",
            "Jonas",
            "Weber",
            "Head of Workplace Technology",
            "Information Technology",
            (Role.FULL_ADMIN,),
        ),
    ),
    _LICENSES,
)

CONTOSO = DemoOrganization(
    "Contoso Health",
    "contoso.example",
    (
        DemoPerson(
            "compliance@contoso.example",
            "Amara",
            "Okafor",
            "Chief Compliance Officer",
            "Legal",
            (Role.FULL_ADMIN, Role.COMPLIANCE_OFFICER),
        ),
        DemoPerson(
            "admin@contoso.example",
            "Tomás",
            "Herrera",
            "Director of Information Technology",
            "Information Technology",
            (Role.FULL_ADMIN,),
        ),
        DemoPerson(
            "readonly@contoso.example",
            "Ingrid",
            "Solberg",
            "Internal Auditor",
            "Finance",
            (Role.READONLY_ADMIN,),
        ),
        DemoPerson(
            "useradmin@contoso.example",
            "Leila",
            "Haddad",
            "Service Desk Lead",
            "Information Technology",
            (Role.USER_ADMIN,),
        ),
        DemoPerson(
            "deviceadmin@contoso.example",
            "Kenji",
            "Watanabe",
            "Collaboration Engineer",
            "Information Technology",
            (Role.DEVICE_ADMIN,),
        ),
    ),
    _LICENSES,
)

FABRIKAM = DemoOrganization(
    "Fabrikam",
    "fabrikam.example",
    (DemoPerson("developer@fabrikam.example", "Sofia", "Marques", "Founder and Engineer", "Engineering"),),
    (("MS", "Basic Messaging", 100),),
    Plan.FREE,
)

REVIEWER = "reviewer@appanage.example"
APPANAGE = DemoOrganization(
    "Appanage",
    "appanage.example",
    (
        DemoPerson(
            REVIEWER,
            "Elin",
            "Sandström",
            "App Review Lead",
            "Trust and Safety",
            (Role.APP_REVIEWER,),
        ),
        DemoPerson(
            "operator@appanage.example",
            "Marcus",
            "Adeyemi",
            "Platform Operations Lead",
            "Operations",
            (Role.FULL_ADMIN, Role.OPERATOR),
        ),
    ),
    _LICENSES,
    is_operator=True,
)

ORGANIZATIONS = (NORTHWIND, CONTOSO, FABRIKAM, APPANAGE)

INTEGRATION_NAME = "Meeting Notes"
INTEGRATION_DESCRIPTION = (
    "Writes the notes of your meetings: finds your next meetings, joins the names of the people who take part, and puts "
    "a page with both where your team keeps its notes."
)
INTEGRATION_SCOPES = {
    "meeting:schedules_read": "Finds your next meetings, so that a page is ready when one begins.",
    "spark:people_read": "Puts the names of those who take part on the page.",
}
INTEGRATION_REDIRECT_URLS = ("http://localhost:4000/callback", "https://notes.northwind.example/callback")
CONNECTED = ("developer@northwind.example", "admin@contoso.example")
"""Who has connected the integration."""

BOT_NAME = "Duty Bot"
BOT_DESCRIPTION = "Answers who is on duty, and reminds the next one an hour before their turn begins."
BOT_ADDRESS_NAME = "duty"  # before the bot domain

APP_NAME = "Workforce Sync"
APP_DESCRIPTION = (
    "Keeps people in step with the HR system: creates an account on the first working day, follows changes of name, "
    "title, department and manager, gives and takes back licenses, and removes the account after the last day. It runs "
    "every 15 minutes, writes only what has changed, and reads the audit log to tell its own changes from others'."
)
APP_SCOPES = {
    "spark-admin:people_read": "Compares the directory with the HR system.",
    "spark-admin:people_write": "Creates, changes and removes people as they join, move and leave.",
    "spark-admin:licenses_read": "Finds out which licenses are free before it gives one to a new colleague.",
    "spark-admin:organizations_read": "Shows the name of your organization in its reports.",
    "spark-admin:roles_read": "Leaves administrators alone: it never changes an account that holds a role.",
    "audit:events_read": "Tells its own changes from those that administrators made by hand.",
}
REQUEST_MESSAGE = (
    "Please authorize Workforce Sync, so that the accounts of new colleagues are ready on their first day. "
    "People Operations and I tested it with the August starters."
)
