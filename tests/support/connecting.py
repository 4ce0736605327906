"""Stories about people who connected an Integration, and about what an administrator decides on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import func, select

from appanage.apps import queries as apps
from appanage.apps.model import App
from appanage.authorizations import consents, disconnections, policies
from appanage.authorizations.model import Authorization, AuthorizationKind, PolicyMode, RefreshToken
from appanage.authorizations.queries import find_authorization
from appanage.authorizations.tokens import TokenGrant, TokenPair
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Refused
from appanage.oauth.errors import InvalidToken
from appanage.storage import Transaction
from support.consenting import allow
from support.world import World


def connect(world: World, app: App, person: Account, *scopes: str) -> TokenPair:
    """The person allows the app, and the app has fetched its tokens."""
    return fetch(world, allow(world, app, person, *scopes))


def fetch(world: World, allowed: Authorization) -> TokenPair:
    """The app fetches tokens for what the person allowed."""
    with world.deployment.transaction(world.origin) as tx:
        authorization = find_authorization(tx, allowed.id)
        assert authorization is not None
        grant = TokenGrant(authorization.standing, authorization.usable_scopes)
        return world.deployment.issuer.issue(tx, grant)[0]


def consent(world: World, app: App, person: Account) -> Authorization | Refused:
    """The person tries to allow the app; a refusal is kept."""
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, person.organization_id, person.id)
        return consents.allow(tx, apps.get_app(tx, app.id), by, scopes=app.scopes)


def is_alive(world: World, pair: TokenPair) -> bool:
    """Whether the access token still works."""
    with world.deployment.transaction(world.origin) as tx:
        try:
            world.deployment.verifier.caller_of(tx, pair.access_token.reveal())
        except InvalidToken:
            return False
        return True


def count_alive(world: World, organization: Organization) -> tuple[int, int]:
    """How many connections of people to apps, and how many refresh tokens for them, are alive in an organization."""
    here = Authorization.organization_id == organization.id
    personal = Authorization.kind == AuthorizationKind.PERSON
    count = select(func.count()).where(here, personal)
    tokens = count.join_from(RefreshToken, Authorization).where(RefreshToken.revoked_at.is_(None))
    with world.deployment.transaction(world.origin) as tx:
        return tx.scalar(count.where(Authorization.ended_at.is_(None))) or 0, tx.scalar(tokens) or 0


def set_policy(world: World, admin: Account, mode: PolicyMode) -> int | Refused:
    with acting(world, admin) as (tx, by, life):
        return policies.set_policy(tx, by.organization, mode, by=by, longest_token=life)


def set_rule(world: World, admin: Account, app: App, mode: PolicyMode) -> int | Refused:
    with acting(world, admin) as (tx, by, life):
        found = apps.get_app(tx, app.id)
        return policies.set_rule(tx, by.organization, found, mode, by=by, longest_token=life)


def remove_rule(world: World, admin: Account, app: App) -> int | Refused:
    with acting(world, admin) as (tx, by, life):
        found = apps.get_app(tx, app.id)
        return policies.remove_rule(tx, by.organization, found, by=by, longest_token=life)


def disconnect(world: World, admin: Account, app: App, person: Account) -> bool | Refused:
    with acting(world, admin) as (tx, by, life):
        found = apps.get_app(tx, app.id)
        return disconnections.disconnect(tx, by.organization, found, person.id, by=by, longest_token=life)


def disconnect_all(world: World, admin: Account, app: App, reason: str = "") -> int | Refused:
    with acting(world, admin) as (tx, by, life):
        found, organization = apps.get_app(tx, app.id), by.organization
        return disconnections.disconnect_all(
            tx, organization, found, by=by, longest_token=life, reason=reason
        )


@contextmanager
def acting(world: World, admin: Account) -> Iterator[tuple[Transaction, Account, timedelta]]:
    """A transaction, the administrator in it, and for how long a token may live."""
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        yield tx, by, world.deployment.settings.lifetimes.access_token
