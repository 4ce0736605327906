"""Administrators decide on Service Apps: with fewer scopes, until an end, alone or two of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from appanage.apps import service as apps
from appanage.apps.drafts import draft_of
from appanage.apps.queries import get_app
from appanage.authorizations import decisions, proposals
from appanage.authorizations import service as authorizations
from appanage.authorizations.decisions import AppDecision
from appanage.authorizations.model import Authorization, AuthorizationProposal
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.kit.paging import PageRequest
from support.world import MadeApp, World

READ, WRITE = "spark-admin:people_read", "spark-admin:people_write"
LICENSES = "spark-admin:licenses_read"
MESSAGES = "spark-compliance:messages_read"


def decide(world: World, made: MadeApp, admin: Account, **choice: Any) -> Any:
    """What comes of it, whatever it is; a refusal that is raised is raised."""
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        app = decisions.get_visible_app(tx, by, made.id)
        domain = world.deployment.settings.machine_domain
        return authorizations.authorize(tx, app, by=by, machine_domain=domain, **choice)


def propose(world: World, made: MadeApp, admin: Account, **choice: Any) -> AuthorizationProposal:
    made_of_it = decide(world, made, admin, **choice)
    assert isinstance(made_of_it, AuthorizationProposal), made_of_it
    return made_of_it


def confirm(world: World, proposal: AuthorizationProposal, admin: Account) -> Any:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        found = proposals.get_proposal(tx, by.organization_id, proposal.id)
        return proposals.confirm(tx, found, by=by, machine_domain="machine.internal")


def end_proposal(
    world: World, proposal: AuthorizationProposal, admin: Account, *, withdraws: bool = False
) -> Any:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        found = proposals.get_proposal(tx, by.organization_id, proposal.id)
        end = proposals.withdraw if withdraws else proposals.decline
        return end(tx, found, by=by, reason="Ask the works council first.")


def decline_changes(world: World, made: MadeApp, admin: Account, reason: str = "") -> Any:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        app = decisions.get_visible_app(tx, by, made.id)
        return authorizations.decline_changes(tx, app, by=by, reason=reason)


def ask_for(world: World, made: MadeApp, scopes: Sequence[str], optional: Sequence[str] = ()) -> None:
    """The developer changes what the app asks for."""
    with world.deployment.transaction(world.origin) as tx:
        app = get_app(tx, made.id)
        draft = replace(draft_of(app), scopes=scopes, optional_scopes=optional)
        apps.update(tx, app, draft, by=app.creator)


def standing(world: World, made: MadeApp, admin: Account) -> AppDecision:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        return decisions.get_decision(tx, by, made.id)


def listed(world: World, admin: Account, **narrowed: Any) -> list[AppDecision]:
    """As the lists of Control Hub have it."""
    with world.deployment.transaction(world.origin) as tx:
        page = PageRequest(100)
        return list(decisions.list_decisions(tx, admin.organization_id, page, **narrowed).items)


def authorizations_of(world: World, made: MadeApp) -> list[Authorization]:
    with world.deployment.transaction(world.origin) as tx:
        query = select(Authorization).where(Authorization.app_id == made.id)
        return list(tx.scalars(query.order_by(Authorization.authorized_at)))
