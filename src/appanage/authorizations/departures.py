"""When a person leaves, or may sign in no more, everything that hung on that ends with it."""

from datetime import timedelta

from appanage.authorizations import personal_tokens
from appanage.authorizations.endings import end_connections
from appanage.authorizations.model import Authorization
from appanage.directory import service as directory
from appanage.directory.model import Account
from appanage.signin import service as signin
from appanage.storage import Transaction


def remove_person(tx: Transaction, person: Account, *, by: Account, longest_token: timedelta) -> None:
    """Deletes a person's account: sessions, personal tokens and the apps they connected end (checklist SES-08)."""
    end_sign_in(tx, person)
    directory.delete_person(tx, person, by=by)
    of_theirs = Authorization.account_id == person.id
    end_connections(tx, of_theirs, by=by, longest_token=longest_token, reason="The account was deleted.")


def end_sign_in(tx: Transaction, person: Account) -> None:
    """Signs a person out everywhere and ends their personal tokens, for good: also if they may sign in again (SES-08).

    The account is held, so that what is being made under it is there to be ended.
    """
    signin.end_all_sessions(tx, person)
    personal_tokens.revoke_all(tx, person)
