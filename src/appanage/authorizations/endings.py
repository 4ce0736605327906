"""The end of many authorizations at once: connections of people set by set, those of organizations one by one.

The number of statements about connections is the same however many people are concerned.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, literal, select, update

from appanage.authorizations.model import Authorization, AuthorizationKind, RefreshToken, RevocationKind
from appanage.authorizations.revocation import revoke_all
from appanage.directory.model import Account
from appanage.storage import Transaction


def is_connection() -> ColumnElement[bool]:
    """Whether an authorization is one that a person gave and that is in force."""
    return (Authorization.kind == AuthorizationKind.PERSON) & Authorization.ended_at.is_(None)


def lock_to_end(tx: Transaction, *conditions: ColumnElement[bool]) -> Sequence[Authorization]:
    """What organizations authorized that meets the conditions and is in force, as it is now, with its refresh tokens.

    For who ends several in one act: all of them, in the order of ids, and then their tokens, as everybody locks several.
    """
    in_force = select(Authorization).where(
        Authorization.kind == AuthorizationKind.ORGANIZATION, Authorization.ended_at.is_(None), *conditions
    )
    locked = in_force.order_by(Authorization.id).with_for_update(of=Authorization, key_share=True)
    found = list(tx.scalars(locked.execution_options(populate_existing=True)))
    tokens = select(RefreshToken.id).where(
        RefreshToken.authorization_id.in_([one.id for one in found]), RefreshToken.revoked_at.is_(None)
    )
    tx.execute(tokens.order_by(RefreshToken.id).with_for_update(of=RefreshToken, key_share=True)).all()
    return found


def end_connections(
    tx: Transaction, *conditions: ColumnElement[bool], by: Account, longest_token: timedelta, reason: str = ""
) -> Counter[tuple[uuid.UUID, uuid.UUID]]:
    """As `service.end`, for every connection that meets the conditions; tells how many, by app and organization.

    Recording it is the caller's, who needs no event for each person. Rows that the transaction has read before are not
    read anew.
    """
    # Locked in the order of ids, as by everybody who locks several.
    doomed = select(Authorization.id).where(is_connection(), *conditions).order_by(Authorization.id)
    locked = doomed.with_for_update(of=Authorization, key_share=True).cte("doomed")
    ending = update(Authorization).where(Authorization.id.in_(select(locked.c.id)))
    ended = tx.execute(
        ending.values(
            ended_at=tx.now,
            valid_from=tx.now,
            ended_by=by.id,
            ended_by_name=by.display_name,
            end_reason=reason or None,
        ).returning(Authorization.id, Authorization.app_id, Authorization.organization_id),
        execution_options={"synchronize_session": False},
    ).all()
    _end_tokens(tx, [row.id for row in ended], longest_token=longest_token)
    return Counter((row.app_id, row.organization_id) for row in ended)


def _end_tokens(tx: Transaction, authorization_ids: list[uuid.UUID], *, longest_token: timedelta) -> None:
    """In statements of their own, after the authorizations are locked: so no token of a moment ago is missed."""
    if not authorization_ids:
        return
    # One array instead of a parameter for each, of which a statement takes only so many.
    of_these = RefreshToken.authorization_id == any_(literal(authorization_ids, ARRAY(Uuid())))
    revoking = update(RefreshToken).where(of_these, RefreshToken.revoked_at.is_(None))
    tx.execute(revoking.values(revoked_at=tx.now), execution_options={"synchronize_session": False})
    subjects = [str(authorization_id) for authorization_id in authorization_ids]
    revoke_all(tx, RevocationKind.AUTHORIZATION, subjects, longest_life=longest_token)
