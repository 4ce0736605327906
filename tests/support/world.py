"""A world to tell stories in: organizations, people, apps, made by the services that the product itself uses."""

import itertools
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from appanage.apps import credentials
from appanage.apps import service as apps
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind, ClientProof, Visibility
from appanage.authorizations import bots, decisions, organization_tokens, personal_tokens, requests
from appanage.authorizations import service as authorizations
from appanage.authorizations.model import Authorization
from appanage.authorizations.tokens import TokenPair
from appanage.deployment import Deployment
from appanage.directory import operators
from appanage.directory import queries as directory_queries
from appanage.directory import service as directory
from appanage.directory.model import Account, Organization, Plan
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.events import Actor, Event
from appanage.kit.errors import Refused
from appanage.kit.ids import Kind
from appanage.kit.origin import Origin, command_line_origin
from appanage.kit.text import slug
from appanage.signin import service as signin
from support.keys import ClientKey, public

PASSWORD = "correct horse battery staple"
PEOPLE_SCOPES = ("spark-admin:people_read", "spark-admin:people_write")
DESK_SCOPES = ("spark:people_read", "spark:rooms_read", "spark:rooms_write")
CALLBACK = "https://desk.fabrikam.example/callback"
SIGNED_OUT = "https://desk.fabrikam.example/goodbye"
NARRATOR = Actor("The narrator")

_numbers = itertools.count(1)


@dataclass
class MadeApp:
    """An app with what its developer knows of it; without a secret that is the empty text."""

    app: App
    secret: str
    developer: Account

    @property
    def id(self) -> uuid.UUID:
        return self.app.id

    @property
    def client_id(self) -> str:
        return self.app.client_id


@dataclass
class MadeBot:
    """A bot with its token, which nobody is shown again."""

    app: App
    token: str
    developer: Account

    @property
    def id(self) -> uuid.UUID:
        return self.app.id

    @property
    def address(self) -> str:
        assert self.app.bot_email is not None
        return self.app.bot_email


@dataclass
class World:
    deployment: Deployment
    origin: Origin = field(default_factory=command_line_origin)

    def organization(self, name: str = "", *, plan: Plan = Plan.STANDARD) -> Organization:
        with self.deployment.transaction(self.origin) as tx:
            return directory.create_organization(
                tx, name or f"Organization {next(_numbers)}", by=NARRATOR, plan=plan
            )

    def person(
        self,
        organization: Organization,
        *roles: Role,
        name: str = "",
        password: str = "",
        domain: str = "people.example",
    ) -> Account:
        name = name or f"Person Number{next(_numbers)}"
        email = f"{slug(name).replace('-', '.') or 'person'}.{uuid.uuid4().hex[:8]}@{domain}"
        first, _, last = name.partition(" ")
        with self.deployment.transaction(self.origin) as tx:
            profile = Profile(email, display_name=name, first_name=first, last_name=last)
            own_domains = self.deployment.settings.own_domains
            made = directory.create_person(
                tx, organization, profile, by=NARRATOR, own_domains=own_domains, roles=roles
            )
            if password:
                signin.set_password(tx, made, password, by=NARRATOR, passwords=self.deployment.passwords)
            return made

    def operators(self, *roles: Role, **options: Any) -> Account:
        """Somebody of the operator's organization, of which there is one."""
        with self.deployment.transaction(self.origin) as tx:
            found = operators.find_operators_organization(tx)
            if found is None:
                found = directory.create_organization(tx, "The operator", by=NARRATOR)
                operators.appoint(tx, found, by=NARRATOR)
        return self.person(found, *roles, **options)

    def list_app(self, made: MadeApp) -> None:
        """As if reviewers had approved the app, without the way there."""
        with self.deployment.transaction(self.origin) as tx:
            tx.get_one(App, made.id).visibility = Visibility.PUBLIC.value

    def full_admin(self, organization: Organization, **options: Any) -> Account:
        return self.person(organization, Role.FULL_ADMIN, **options)

    def developer(self, organization: Organization, **options: Any) -> Account:
        """Somebody who may make apps: anybody, or in the fedramp profile a Full Administrator."""
        roles = [Role.FULL_ADMIN] if self.deployment.settings.rules.by_administrators else []
        return self.person(organization, *roles, **options)

    def token(self, account: Account, *scopes: str, hours: float = 12) -> str:
        """A personal access token; with all scopes in the person's reach unless some are named."""
        longest = self.deployment.settings.lifetimes.personal_token
        with self.deployment.transaction(self.origin) as tx:
            fresh = directory_queries.get_account(tx, account.organization_id, account.id)
            lifetime = timedelta(hours=hours)
            made = personal_tokens.create(
                tx, fresh, by=NARRATOR, lifetime=lifetime, longest=longest, scopes=scopes or None
            )
            return made.reveal()

    def service_app(
        self,
        developer: Account,
        *,
        scopes: Sequence[str] = PEOPLE_SCOPES,
        requested: bool = True,
        name: str = "",
        **draft: Any,
    ) -> MadeApp:
        name = name or f"Workforce Sync {next(_numbers)}"
        described = {
            "description": "Keeps people in step with the HR system.",
            "contact_email": developer.email,
        }
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, developer.organization_id, developer.id)
            app, secret = apps.create_client(
                tx,
                AppDraft(name=name, scopes=scopes, **(described | draft)),
                by=by,
                rules=self.deployment.app_rules,
            )
            assert secret is not None
            if requested:
                requests.request_authorization(tx, app, by=by)
            return MadeApp(app, secret.reveal(), developer)

    def integration(
        self,
        developer: Account | None = None,
        *,
        name: str = "",
        key: ClientKey | None = None,
        is_strict: bool = False,
        pushes_requests: bool = False,
        **draft: Any,
    ) -> MadeApp:
        """An Integration, by default of an organization of its own; with `key` it proves itself by assertions."""
        developer = developer or self.developer(self.organization("Fabrikam GmbH"))
        described = {
            "name": name or f"Desk Booking {next(_numbers)}",
            "description": "Books a desk near your team.",
            "contact_email": developer.email,
            "scopes": DESK_SCOPES,
            "redirect_urls": [CALLBACK],
            "sign_out_urls": [SIGNED_OUT],
            "client_proof": ClientProof.KEY if key else ClientProof.SECRET,
        }
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, developer.organization_id, developer.id)
            rules = self.deployment.app_rules
            made = AppDraft(kind=AppKind.INTEGRATION, **(described | draft))
            app, secret = apps.create_client(tx, made, by=by, rules=rules)
            if key:
                credentials.add_key(tx, app, json.dumps(public(key)), by=by, rules=rules)
            apps.set_rules(tx, app, is_strict=is_strict, pushes_requests=pushes_requests, by=by)
            return MadeApp(app, secret.reveal() if secret else "", developer)

    def bot(self, developer: Account | None = None, *, name: str = "", **draft: Any) -> "MadeBot":
        """A bot, by default of an organization of its own."""
        developer = developer or self.developer(self.organization("Fabrikam GmbH"))
        name = name or f"Stand-up Bot {next(_numbers)}"
        described = {
            "description": "Asks the team what is going on.",
            "bot_email": f"bot-{uuid.uuid4().hex[:12]}@{self.deployment.settings.bot_domain}",
        }
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, developer.organization_id, developer.id)
            made = AppDraft(name=name, kind=AppKind.BOT, **(described | draft))
            app, token = bots.create(tx, made, by=by, rules=self.deployment.app_rules)
            return MadeBot(app, token.reveal(), developer)

    def authorize(self, made: MadeApp, admin: Account, **choice: Any) -> Authorization:
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, admin.organization_id, admin.id)
            app = decisions.get_visible_app(tx, by, made.id)
            domain = self.deployment.settings.machine_domain
            result = authorizations.authorize(tx, app, by=by, machine_domain=domain, **choice)
            assert isinstance(result, Authorization), result
            return result

    def deauthorize(self, made: MadeApp, admin: Account) -> None:
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, admin.organization_id, admin.id)
            app = decisions.get_visible_app(tx, by, made.id)
            longest = self.deployment.settings.lifetimes.access_token
            result = authorizations.deauthorize(tx, app, by=by, longest_token=longest)
            assert not isinstance(result, Refused), result

    def retrieve(self, made: MadeApp, organization: Organization) -> TokenPair:
        """The pair that the developer fetches for an organization."""
        with self.deployment.transaction(self.origin) as tx:
            by = directory_queries.get_account(tx, made.developer.organization_id, made.developer.id)
            app = decisions.get_visible_app(tx, by, made.id)
            result = organization_tokens.retrieve(
                tx,
                self.deployment.issuer,
                app,
                by=by,
                organization_id=organization.id,
                client_secret=made.secret,
            )
            assert not isinstance(result, Refused), result
            return result

    def machine_token(self, organization: Organization, *scopes: str) -> str:
        """The access token of a Service App that this organization authorized."""
        admin = self.full_admin(organization)
        made = self.service_app(self.developer(organization), scopes=scopes or PEOPLE_SCOPES)
        self.authorize(made, admin)
        return self.retrieve(made, organization).access_token.reveal()

    def events(self, organization: Organization, type_: str = "") -> list[Event]:
        """What the organization's own chain recorded, the oldest first."""
        query = select(Event).where(Event.organization_id == organization.id).order_by(Event.sequence)
        with self.deployment.transaction(self.origin) as tx:
            return [event for event in tx.scalars(query) if not type_ or event.type == type_]

    def public_id(self, kind: Kind, key: uuid.UUID | str) -> str:
        return self.deployment.ids.encode(kind, key)

    def app_id(self, made: MadeApp) -> str:
        return self.public_id(Kind.APPLICATION, made.client_id)

    def organization_id(self, organization: Organization) -> str:
        return self.public_id(Kind.ORGANIZATION, organization.id)
