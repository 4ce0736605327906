"""What the operator does to an app of anybody's."""

from appanage.apps.model import App
from appanage.authorizations import suspensions
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Refused
from support.world import MadeApp, MadeBot, World

REASON = "It reads mailboxes and sells what it finds."


def suspend(world: World, made: MadeApp | MadeBot, *, by: Account | None = None, reason: str = REASON) -> App:
    operator = by or world.operators(Role.OPERATOR)
    with world.deployment.transaction(world.origin) as tx:
        acting = directory.get_account(tx, operator.organization_id, operator.id)
        suspended = suspensions.suspend(tx, made.id, by=acting, reason=reason)
        assert not isinstance(suspended, Refused), suspended
        return suspended


def lift(world: World, made: MadeApp | MadeBot, *, by: Account | None = None) -> App:
    operator = by or world.operators(Role.OPERATOR)
    with world.deployment.transaction(world.origin) as tx:
        acting = directory.get_account(tx, operator.organization_id, operator.id)
        lifted = suspensions.lift(tx, made.id, by=acting)
        assert not isinstance(lifted, Refused), lifted
        return lifted
