"""Making the demonstration data, once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from appanage.apps import queries as apps
from appanage.apps import service as app_service
from appanage.apps.drafts import AppDraft
from appanage.apps.model import App, AppKind
from appanage.apps.queries import AppFilter
from appanage.apps.rules import AppRules
from appanage.authorizations import bots, consents
from appanage.authorizations.requests import request_authorization
from appanage.cli.demo.cast import (
    APP_DESCRIPTION,
    APP_NAME,
    APP_SCOPES,
    BOT_ADDRESS_NAME,
    BOT_DESCRIPTION,
    BOT_NAME,
    CONNECTED,
    INTEGRATION_DESCRIPTION,
    INTEGRATION_NAME,
    INTEGRATION_REDIRECT_URLS,
    INTEGRATION_SCOPES,
    NORTHWIND,
    ORGANIZATIONS,
    PASSWORD,
    REQUEST_MESSAGE,
    DemoOrganization,
    DemoPerson,
)
from appanage.cli.demo.workforce import profile_of, workforce
from appanage.directory import domains, operators
from appanage.directory import queries as directory
from appanage.directory import service as directory_service
from appanage.directory.model import Account, License, Organization
from appanage.directory.roles import Role
from appanage.directory.service import Profile
from appanage.events import Actor
from appanage.kit.paging import PageRequest
from appanage.kit.secrets import Secret
from appanage.signin.passwords import Passwords
from appanage.signin.service import set_password
from appanage.storage import Transaction

WORKFORCE = 40
_NARRATOR = Actor("The demonstration")
_FIRST_NAMED = 50  # numbers of named people begin here, so that phones and extensions are nobody else's


def is_present(tx: Transaction) -> bool:
    return tx.get(Organization, NORTHWIND.id) is not None


def make(tx: Transaction, rules: AppRules, passwords: Passwords) -> Mapping[str, Secret]:
    """Makes everything; the client secret or bot token of each app, by the app's name."""
    for one in ORGANIZATIONS:
        _make_organization(tx, one, passwords)
    developer = next(person for person in _of_northwind(tx) if _may_register(person, rules))
    return {
        BOT_NAME: _make_bot(tx, developer, rules),
        INTEGRATION_NAME: _make_integration(tx, developer, rules),
        APP_NAME: _make_service_app(tx, developer, rules),
    }


def find_apps(tx: Transaction) -> Sequence[App]:
    """The demonstration's apps, the Service App first; without those that their developer has deleted."""
    owned = [
        app
        for person in _of_northwind(tx)
        for app in apps.list_owned(tx, person, AppFilter(), PageRequest(100)).items
    ]
    return [app for name in (APP_NAME, INTEGRATION_NAME, BOT_NAME) for app in owned if app.name == name]


def _of_northwind(tx: Transaction) -> list[Account]:
    """The named people of the organization that makes the apps, its developer first."""
    found = (directory.find_person_by_email(tx, person.email) for person in NORTHWIND.people)
    return [person for person in found if person is not None]


def _may_register(person: Account, rules: AppRules) -> bool:
    return not rules.by_administrators or Role.FULL_ADMIN in person.roles


def _make_organization(tx: Transaction, one: DemoOrganization, passwords: Passwords) -> None:
    made = directory_service.create_organization(
        tx, one.name, by=_NARRATOR, plan=one.plan, organization_id=one.id
    )
    licenses = [
        directory_service.create_license(tx, made, code=code, name=name, units=units)
        for code, name, units in one.licenses
    ]
    tx.flush()
    domains.verify(tx, one.domain, made, by=_NARRATOR)
    if one.is_operator:
        operators.appoint(tx, made, by=_NARRATOR)
    for number, person in zip(count(_FIRST_NAMED), one.people, strict=False):
        named = _make_named(tx, made, person, number, licenses)
        set_password(tx, named, PASSWORD, by=_NARRATOR, passwords=passwords)
    if not one.is_operator:
        _make_workforce(tx, made, one.domain, licenses)


def _make_named(
    tx: Transaction, organization: Organization, person: DemoPerson, number: int, licenses: Sequence[License]
) -> Account:
    profile = profile_of(
        number,
        email=person.email,
        first=person.first_name,
        last=person.last_name,
        title=person.title,
        department=person.department,
    )
    ids = [one.id for one in licenses]
    return directory_service.create_person(
        tx, organization, profile, by=_NARRATOR, own_domains=(), roles=person.roles, licenses=ids
    )


def _make_workforce(
    tx: Transaction, organization: Organization, domain: str, licenses: Sequence[License]
) -> None:
    heads: dict[str, Account] = {}
    for number, profile in enumerate(workforce(domain, WORKFORCE)):
        # Everybody has the first license, every second person the next, every third the one after.
        ids = [one.id for step, one in enumerate(licenses, start=1) if number % step == 0]
        managed = _managed(profile, heads)
        made = directory_service.create_person(
            tx, organization, managed, by=_NARRATOR, own_domains=(), licenses=ids
        )
        heads.setdefault(made.department or "", made)


def _managed(profile: Profile, heads: Mapping[str, Account]) -> Profile:
    head = heads.get(profile.department or "")
    if head is None:
        return profile
    return replace(profile, manager=head.display_name, manager_id=head.id)


def _make_service_app(tx: Transaction, developer: Account, rules: AppRules) -> Secret:
    draft = AppDraft(
        name=APP_NAME,
        description=APP_DESCRIPTION,
        contact_email=developer.email,
        scopes=list(APP_SCOPES),
        scope_reasons=APP_SCOPES,
        company_name=NORTHWIND.name,
        support_url="https://people-operations.northwind.example/workforce-sync",
        privacy_url="https://people-operations.northwind.example/privacy",
    )
    app, secret = app_service.create_client(tx, draft, by=developer, rules=rules)
    assert secret is not None
    request_authorization(tx, app, by=developer, message=REQUEST_MESSAGE)
    return secret


def _make_integration(tx: Transaction, developer: Account, rules: AppRules) -> Secret:
    """An Integration that some people have connected."""
    draft = AppDraft(
        kind=AppKind.INTEGRATION,
        name=INTEGRATION_NAME,
        description=INTEGRATION_DESCRIPTION,
        contact_email=developer.email,
        scopes=list(INTEGRATION_SCOPES),
        scope_reasons=INTEGRATION_SCOPES,
        company_name=NORTHWIND.name,
        support_url="https://notes.northwind.example/help",
        privacy_url="https://notes.northwind.example/privacy",
        redirect_urls=INTEGRATION_REDIRECT_URLS,
    )
    app, secret = app_service.create_client(tx, draft, by=developer, rules=rules)
    assert secret is not None
    for email in CONNECTED:
        person = directory.find_person_by_email(tx, email)
        if person is not None:
            consents.allow(tx, app, person, scopes=INTEGRATION_SCOPES)
    return secret


def _make_bot(tx: Transaction, developer: Account, rules: AppRules) -> Secret:
    draft = AppDraft(
        kind=AppKind.BOT,
        name=BOT_NAME,
        description=BOT_DESCRIPTION,
        contact_email=developer.email,
        company_name=NORTHWIND.name,
        bot_email=f"{BOT_ADDRESS_NAME}@{rules.bot_domain}",
    )
    return bots.create(tx, draft, by=developer, rules=rules)[1]
