"""Stories about what an administrator settles on Service Apps before any of them is decided on."""

from dataclasses import replace
from typing import Any

from appanage.apps.queries import get_app
from appanage.authorizations import app_policies, app_rules
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.app_rules import Aftermath
from appanage.authorizations.model import AppRuleMode
from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Refused
from support.world import MadeApp, World


def terms_of(world: World, organization: Organization) -> Terms:
    with world.deployment.transaction(world.origin) as tx:
        return app_policies.terms_of(tx, organization.id)


def set_app_policy(world: World, admin: Account, **changes: Any) -> Terms | Refused:
    """Changes these of the terms; with `version` as somebody who saw that one."""
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        now = app_policies.terms_of(tx, by.organization_id)
        wanted = replace(now, **changes)
        return app_policies.set_policy(tx, by.organization, wanted, by=by, version=wanted.version)


def set_app_rule(
    world: World, admin: Account, made: MadeApp, mode: AppRuleMode | None
) -> Aftermath | Refused:
    with world.deployment.transaction(world.origin) as tx:
        by = directory.get_account(tx, admin.organization_id, admin.id)
        life = world.deployment.settings.lifetimes.access_token
        return app_rules.set_rule(tx, by.organization, get_app(tx, made.id), mode, by=by, longest_token=life)
