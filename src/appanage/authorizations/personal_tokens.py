"""Personal access tokens: a person's own, opaque, short-lived, never stronger than the person."""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import Select, func, select, update

from appanage import events
from appanage.apps.scopes import catalogue, within_reach
from appanage.authorizations.model import PersonalToken
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.kit.errors import Conflict, Invalid, NotFound
from appanage.kit.secrets import Prefix, Secret, new_secret
from appanage.kit.text import has_control_characters
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

MOST = 20  # live ones of one person
LONGEST_LABEL = 80
EXPIRY = Expiry(PersonalToken, PersonalToken.expires_at)


def scopes_within_reach(account: Account) -> frozenset[str]:
    """Every scope that the account's roles can carry (checklist CRED-13)."""
    return within_reach(account.roles, catalogue())


def create(
    tx: Transaction,
    account: Account,
    *,
    by: events.Actor,
    lifetime: timedelta,
    longest: timedelta,
    scopes: Collection[str] | None = None,
    label: str = "",
) -> Secret:
    """A new token, which exists nowhere else; with all scopes within reach unless some are named.

    Raises Invalid, naming the field, for more power or more time than there is, Conflict for nobody who could use it and
    for one token too many.
    """
    account = _locked(tx, account)
    label, reach = label.strip(), scopes_within_reach(account)
    chosen = reach if scopes is None else frozenset(scopes)
    _require_usable(account)
    _require_label(label)
    _require_lifetime(lifetime, longest)
    _require_reach(account, chosen, reach)
    _require_room(tx, account)
    secret = new_secret(Prefix.PERSONAL_TOKEN)
    row = PersonalToken(
        id=uuid.uuid4(),
        digest=secret.digest,
        account_id=account.id,
        account=account,
        label=label,
        last_four=secret.last_four,
        scopes=sorted(chosen),
        created_by_name=by.name,
        created_at=tx.now,
        expires_at=tx.now + lifetime,
    )
    tx.add(row)
    tx.flush()
    _record(tx, "personal_token.created", row, by)
    return secret


def list_live(tx: Transaction, account: Account) -> Sequence[PersonalToken]:
    """Those that work now, the newest first."""
    newest_first = _live(tx, account).order_by(PersonalToken.created_at.desc(), PersonalToken.id)
    return list(tx.scalars(newest_first))


def get(tx: Transaction, account: Account, token_id: uuid.UUID) -> PersonalToken:
    """One of the account's own that works now; every other one does not exist."""
    found = tx.scalar(_live(tx, account).where(PersonalToken.id == token_id))
    if found is None:
        raise NotFound("You have no such personal access token; it may have ended.", code="token_not_found")
    return found


def revoke(tx: Transaction, token: PersonalToken, *, by: events.Actor) -> None:
    """Ends one token at once; a repeat changes nothing."""
    _locked(tx, token.account)
    live = update(PersonalToken).where(PersonalToken.id == token.id, PersonalToken.revoked_at.is_(None))
    ended = tx.scalar(live.values(revoked_at=tx.now).returning(PersonalToken.id))
    if ended is not None:
        _record(tx, "personal_token.revoked", token, by)


def revoke_all(tx: Transaction, account: Account) -> None:
    """Ends every personal access token of a person (checklist SES-08)."""
    live = update(PersonalToken).where(
        PersonalToken.account_id == account.id, PersonalToken.revoked_at.is_(None)
    )
    tx.execute(live.values(revoked_at=tx.now))


def _require_usable(account: Account) -> None:
    if not account.is_active or not account.is_person:
        sentence = f"{account.display_name} cannot sign in, so a token would never work."
        raise Conflict(sentence, code="inactive")


def _require_label(label: str) -> None:
    if len(label) > LONGEST_LABEL or has_control_characters(label):
        sentence = f"A name is one line of at most {LONGEST_LABEL} characters."
        raise Invalid(sentence, fields={"label": sentence})


def _require_lifetime(lifetime: timedelta, longest: timedelta) -> None:
    if not timedelta(0) < lifetime <= longest:
        sentence = f"A personal access token lives at most {longest / timedelta(hours=1):g} hours."
        raise Invalid(sentence, fields={"lifetime": sentence})


def _require_reach(account: Account, chosen: frozenset[str], reach: frozenset[str]) -> None:
    """No token is stronger than its person (checklist CRED-13)."""
    excess = sorted(chosen - reach)
    if excess:
        sentence = (
            f"{account.display_name} cannot have the scope {excess[0]}: it is unknown or needs another role."
        )
        raise Invalid(sentence, fields={"scopes": sentence})
    if not chosen:
        sentence = "Choose at least one scope."
        raise Invalid(sentence, fields={"scopes": sentence})


def _locked(tx: Transaction, account: Account) -> Account:
    """The account as it is now. Whatever begins or ends tokens holds it, so that each sees what the one before it did.

    A change of password and the end of an account do, too: none of them waits for a row that another one holds.
    """
    return directory.find_account_for_update(tx, account.id) or account


def _require_room(tx: Transaction, account: Account) -> None:
    """Of two that are made at the same time the second is counted after the first."""
    live = tx.scalar(select(func.count()).select_from(_live(tx, account).subquery())) or 0
    if live >= MOST:
        sentence = f"{account.display_name} has {MOST} personal access tokens, which is the most there can be. Revoke one first."
        raise Conflict(sentence, code="too_many_tokens")


def _live(tx: Transaction, account: Account) -> Select[PersonalToken]:
    return select(PersonalToken).where(
        PersonalToken.account_id == account.id,
        PersonalToken.revoked_at.is_(None),
        PersonalToken.expires_at > tx.now,
    )


def _record(tx: Transaction, type_: str, token: PersonalToken, by: events.Actor) -> None:
    account = token.account
    events.record(
        tx,
        type_,
        organization_id=account.organization_id,
        actor=by,
        target=account.as_target(),
        data={
            "label": token.label,
            "endsIn": token.last_four,
            "expiresAt": token.expires_at.isoformat(),
            "scopes": len(token.scopes),
        },
    )
