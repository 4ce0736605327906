"""Personal access tokens: a person's own, opaque, short-lived, never stronger than the person."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import update

from appanage import events
from appanage.apps.scopes import catalogue, within_reach
from appanage.authorizations.model import PersonalToken
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.secrets import Prefix, Secret, new_secret
from appanage.storage import Transaction
from appanage.storage.batches import delete_batch


def scopes_within_reach(account: Account) -> frozenset[str]:
    """Every scope that the account's roles can carry (checklist CRED-13)."""
    return within_reach(account, catalogue())


def create(
    tx: Transaction,
    account: Account,
    *,
    by: events.Actor,
    lifetime: timedelta,
    longest: timedelta,
    scopes: Collection[str] | None = None,
) -> Secret:
    """A new token; all scopes within reach unless fewer are named. Raises Invalid for more power or more time, Conflict for nobody
    who could use it.
    """
    if not account.is_active or not account.is_person:
        raise Conflict(
            f"{account.display_name} cannot sign in, so a token would never work.", code="inactive"
        )
    reach = scopes_within_reach(account)
    excess = sorted(frozenset(scopes or ()) - reach)
    if excess:
        sentence = (
            f"{account.display_name} cannot have the scope {excess[0]}: it is unknown or needs another role."
        )
        raise Invalid(sentence, fields={"scopes": sentence})
    if not timedelta(0) < lifetime <= longest:
        hours = int(longest.total_seconds() // 3600)
        sentence = f"A personal access token lives at most {hours} hours."
        raise Invalid(sentence, fields={"hours": sentence})
    secret = new_secret(Prefix.PERSONAL_TOKEN)
    tx.add(
        PersonalToken(
            id=uuid.uuid4(),
            digest=secret.digest,
            account_id=account.id,
            scopes=sorted(scopes or reach),
            created_at=tx.now,
            expires_at=tx.now + lifetime,
        )
    )
    data = {"expiresAt": (tx.now + lifetime).isoformat()}
    events.record(
        tx,
        "personal_token.created",
        organization_id=account.organization_id,
        actor=by,
        target=account.as_target(),
        data=data,
    )
    return secret


def revoke_all(tx: Transaction, account: Account) -> None:
    """Ends every personal access token of a person (checklist SES-08)."""
    live = update(PersonalToken).where(
        PersonalToken.account_id == account.id, PersonalToken.revoked_at.is_(None)
    )
    tx.execute(live.values(revoked_at=tx.now))


def prune(tx: Transaction, *, limit: int) -> int:
    """Removes at most `limit` tokens that have expired, and tells how many."""
    return delete_batch(tx, PersonalToken, PersonalToken.expires_at < tx.now, limit=limit)
