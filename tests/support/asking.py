"""Asking administrators for apps, and declining, as the product itself does it."""

from collections.abc import Sequence
from typing import Any

from appanage.authorizations import app_policies, decisions, requests, sharing
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.model import AuthorizationRequest
from appanage.authorizations.requests import Asked
from appanage.directory.model import Account, Organization
from appanage.directory.queries import get_account
from appanage.kit.errors import Refused
from appanage.storage import Transaction
from support.world import MadeApp, World


def again(tx: Transaction, account: Account) -> Account:
    return get_account(tx, account.organization_id, account.id)


def share(
    world: World, made: MadeApp, named: Organization | str, *, by: Account | None = None, message: str = ""
) -> AuthorizationRequest:
    """`named` is an organization, or how the developer names it."""
    words = named if isinstance(named, str) else str(named.id)
    with world.deployment.transaction(world.origin) as tx:
        return sharing.share(
            tx,
            made.id,
            sharing.get_addressee(tx, world.deployment.ids, words),
            by=again(tx, by or made.developer),
            addressed_to=words,
            rules=world.deployment.app_rules,
            message=message,
        )


def request(world: World, made: MadeApp, person: Account, message: str = "") -> Asked:
    """Somebody asks for an app of the App Hub."""
    with world.deployment.transaction(world.origin) as tx:
        app = decisions.get_visible_app(tx, made.developer, made.id)
        domain = world.deployment.settings.machine_domain
        return requests.request_for_organization(
            tx, app, by=again(tx, person), message=message, machine_domain=domain
        )


def remind(world: World, made: MadeApp, message: str = "") -> AuthorizationRequest:
    """The developer asks their own organization, once more."""
    with world.deployment.transaction(world.origin) as tx:
        by = again(tx, made.developer)
        app = requests.get_to_request(tx, by, made.id, by.organization_id, rules=world.deployment.app_rules)
        return requests.request_authorization(tx, app, by=by, message=message)


def withdraw(world: World, asked: AuthorizationRequest, by: Account) -> AuthorizationRequest:
    with world.deployment.transaction(world.origin) as tx:
        return requests.withdraw(tx, asked.id, by=again(tx, by))


def decline(
    world: World, made: MadeApp, admin: Account, reason: str = "We have another app for this."
) -> Sequence[AuthorizationRequest] | Refused:
    with world.deployment.transaction(world.origin) as tx:
        app = decisions.get_visible_app(tx, admin, made.id)
        return requests.decline(tx, app, by=admin, reason=reason)


def set_app_policy(world: World, admin: Account, **terms: Any) -> None:
    with world.deployment.transaction(world.origin) as tx:
        by = again(tx, admin)
        before = app_policies.terms_of(tx, by.organization_id)
        settled = app_policies.set_policy(tx, by.organization, Terms(**terms), by=by, version=before.version)
        assert isinstance(settled, Terms), settled
