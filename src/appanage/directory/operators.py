"""The organization that runs the platform. There is one at most, and its people may do for everybody what its roles say."""

from sqlalchemy import select, text

from appanage import events
from appanage.directory import sandboxes
from appanage.directory.model import Organization
from appanage.kit.errors import Conflict
from appanage.storage import Transaction


def find_operators_organization(tx: Transaction) -> Organization | None:
    return tx.scalar(select(Organization).where(Organization.is_operator))


def appoint(tx: Transaction, organization: Organization, *, by: events.Actor) -> None:
    """Makes this the organization that runs the platform; a repeat changes nothing.

    From then on its Full Administrators can make its people App Reviewers and Operators. Raises Conflict when another
    organization runs the platform.
    """
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    present = find_operators_organization(tx)
    if present is not None and present.id == organization.id:
        return
    if present is not None:
        sentence = f"{present.name} runs this platform already, and only one organization can."
        raise Conflict(sentence, code="operator_exists")
    sandboxes.require_none(tx, organization, "it ends, so it cannot run the platform.")
    organization.is_operator = True
    tx.flush()
    target = organization.as_target()
    events.record(tx, "organization.appointed", organization_id=organization.id, actor=by, target=target)


_LOCK = 6_630_217_460
