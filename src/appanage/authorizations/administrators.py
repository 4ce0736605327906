"""The administrators who decide here: their roles are read again and locked, and a refusal is recorded."""

from collections.abc import Collection

from appanage.directory import queries as directory
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role, labels
from appanage.events.service import record_refused_change
from appanage.kit.errors import NotPermitted, Refused
from appanage.storage import Transaction


def require_role(
    tx: Transaction,
    organization: Organization,
    by: Account,
    roles: Collection[Role],
    *,
    act: str,
    or_machine: bool = False,
) -> tuple[Account, Refused | None]:
    """The administrator as they are now; and the refusal if they hold none of the roles (checklist CONS-06).

    `act` names what was tried, for the record. With `or_machine` a machine account may do it too, by its scopes.
    """
    fresh = directory.find_account_for_update(tx, by.id)
    if fresh and fresh.organization_id == organization.id and _may(fresh, roles, or_machine=or_machine):
        return fresh, None
    missing = labels(roles)
    sentence = (
        "Your changes were not updated. The request was unauthorized. "
        f"This needs the role {' or '.join(missing)}."
    )
    refusal = NotPermitted(sentence, code="role_missing", roles=missing)
    record_refused_change(tx, (fresh or by).as_actor(), refusal, act)
    return by, Refused(refusal)


def _may(account: Account, roles: Collection[Role], *, or_machine: bool) -> bool:
    return account.is_active and (account.has_any(*roles) or (or_machine and account.is_machine))
