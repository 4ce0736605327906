"""Who owns an app: colleagues who share it, handing it over, and the apps whose owners have all left."""

import uuid
from collections.abc import Iterable

from appanage.apps import queries, versions
from appanage.apps.model import App, AppOwner
from appanage.apps.queries import Ownership
from appanage.apps.records import record
from appanage.apps.rules import AppRules
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted
from appanage.storage import Transaction

MOST_OWNERS = 20


def find_colleague(
    tx: Transaction, by: Account, *, email: str = "", person_id: uuid.UUID | None = None
) -> Account:
    """A person of the same organization who can act. Raises Invalid; anybody else's people do not exist (CONS-12)."""
    if person_id is None and not email.strip():
        raise _wrong("Enter the e-mail address of a colleague.", code="person_missing")
    found = directory.find_person_by_email(tx, email.strip()) if email.strip() else None
    if person_id is not None:
        found = directory.find_account(tx, person_id)
    if found is None or not _is_colleague(found, by.organization_id):
        raise _nobody()
    return found


def add(tx: Transaction, app: App, colleague: Account, *, by: Account, rules: AppRules) -> None:
    """Makes a colleague an owner too; of a listed app once a reviewer approved it (checklist REG-13).

    `app` is locked. Raises NotPermitted for who may not change apps, Invalid for a colleague who could do nothing with
    it, and Conflict for one who owns it already or waits to.
    """
    _hold_both(tx, by, colleague, rules)
    with tx.begin_nested():  # whoever shows a refusal commits; what was settled for it must not stay
        versions.settle(tx, app, by=by)
        _require_news(app, colleague)
        _require_room(app)
        _add(tx, app, colleague, by=by)


def remove(tx: Transaction, app: App, account_id: uuid.UUID, *, by: Account, rules: AppRules) -> None:
    """Takes an owner away at once, oneself too, or one who waits for a review. `app` is locked.

    Raises NotFound for who is none, and Conflict for the last one who can act.
    """
    _hold(tx, by, rules)
    with tx.begin_nested():  # as in `add`
        versions.settle(tx, app, by=by)
        _remove(tx, app, account_id, by=by)


def _remove(tx: Transaction, app: App, account_id: uuid.UUID, *, by: Account) -> None:
    remaining = [one for one in versions.proposed_facts(app)["owners"] if one != str(account_id)]
    owners = queries.list_owners(tx, app)
    leaving = next((one.account for one in owners if one.account.id == account_id), None)
    if leaving is not None:
        _require_another(app, leaving, owners)
        _take_away(tx, app, leaving)
        _record(tx, "app.owner_removed", app, leaving, by=by)
    elif str(account_id) not in versions.proposed_facts(app)["owners"]:
        raise no_such_owner(app)
    versions.propose(tx, app, {"owners": remaining}, by=by)


def transfer(tx: Transaction, app: App, colleague: Account, *, by: Account, rules: AppRules) -> None:
    """Puts a colleague in one's own place, in one act. `app` is locked. Raises as `add`, but for who owns it already.

    Of a listed app both wait for the review, so that somebody answers for it until then (checklist REG-13).
    """
    _hold_both(tx, by, colleague, rules)
    if colleague.id == by.id:
        raise _wrong("The app is yours already. Name a colleague.")
    versions.settle(tx, app, by=by)
    if app.is_listed:
        wanted = set(versions.proposed_facts(app)["owners"]) - {str(by.id)} | {str(colleague.id)}
        versions.propose(tx, app, {"owners": sorted(wanted)}, by=by)
        return
    if not is_owner(app, colleague.id):
        tx.add(AppOwner(app_id=app.id, account_id=colleague.id, since=tx.now))
    _take_away(tx, app, by)
    _record(tx, "app.transferred", app, colleague, by=by)


def adopt(tx: Transaction, app: App, new_owner: Account, *, by: Account, rules: AppRules) -> None:
    """Gives an app without an owner one, at once: somebody must answer for it. Whoever owned it does so no more.

    `app` is locked and of the administrator's organization. Raises NotFound for one that has an owner by now.
    """
    _hold_both(tx, by, new_owner, rules, role=Role.FULL_ADMIN)
    if queries.has_owner_who_can_act(tx, app):
        raise queries.no_such_app()
    before = {one.account_id for one in app.owners}
    waiting = set(versions.proposed_facts(app)["owners"]) - {str(one) for one in before}
    tx.query(AppOwner).filter(AppOwner.app_id == app.id, AppOwner.account_id != new_owner.id).delete()
    if new_owner.id not in before:
        tx.add(AppOwner(app_id=app.id, account_id=new_owner.id, since=tx.now))
    _refresh(tx, app)
    _record(tx, "app.adopted", app, new_owner, by=by)
    versions.propose(tx, app, {"owners": sorted(waiting | {str(new_owner.id)})}, by=by)


def is_owner(app: App, account_id: uuid.UUID) -> bool:
    return any(one.account_id == account_id for one in app.owners)


def no_such_owner(app: App) -> NotFound:
    return NotFound(f"{app.name} has no such owner.", code="no_such_owner")


def _add(tx: Transaction, app: App, colleague: Account, *, by: Account) -> None:
    if app.is_listed:
        wanted = {*versions.proposed_facts(app)["owners"], str(colleague.id)}
        versions.propose(tx, app, {"owners": sorted(wanted)}, by=by)
        return
    tx.add(AppOwner(app_id=app.id, account_id=colleague.id, since=tx.now))
    _refresh(tx, app)
    _record(tx, "app.owner_added", app, colleague, by=by)


def _take_away(tx: Transaction, app: App, owner: Account) -> None:
    tx.query(AppOwner).filter_by(app_id=app.id, account_id=owner.id).delete()
    _refresh(tx, app)


def _refresh(tx: Transaction, app: App) -> None:
    tx.flush()
    tx.expire(app, ["owners"])


def _hold_both(
    tx: Transaction, by: Account, colleague: Account, rules: AppRules, *, role: Role | None = None
) -> None:
    """Both as they are now, held until the commit, in the order of their ids so that two acts never wait for each other."""
    accounts = {one: directory.find_account_for_update(tx, one) for one in sorted({by.id, colleague.id})}
    _require_able(accounts[by.id], rules, role)
    found = accounts[colleague.id]
    if found is None or not _is_colleague(found, by.organization_id):
        raise _nobody()
    if not rules.is_registrar(found):
        raise _wrong(
            f"{found.display_name} could do nothing with it: here only Full Administrators make and change apps.",
            code="may_not_own",
        )


def _hold(tx: Transaction, by: Account, rules: AppRules) -> None:
    _require_able(directory.find_account_for_update(tx, by.id), rules, None)


def _require_able(fresh: Account | None, rules: AppRules, role: Role | None) -> None:
    if fresh is None or not fresh.is_active:
        raise NotPermitted("Your account cannot act any more.", code="inactive")
    rules.require_registrar(fresh)
    if role is not None and not fresh.has_any(role):
        sentence = "To decide on apps without an owner you need the role Full Administrator."
        raise NotPermitted(sentence, code="role_missing", roles=[role.label])


def _require_news(app: App, colleague: Account) -> None:
    if is_owner(app, colleague.id):
        raise Conflict(f"{colleague.display_name} owns {app.name} already.", code="owner_already")
    if str(colleague.id) in versions.proposed_facts(app)["owners"]:
        sentence = f"{colleague.display_name} becomes an owner of {app.name} when a reviewer approves it."
        raise Conflict(sentence, code="owner_already")


def _require_room(app: App) -> None:
    if len(versions.proposed_facts(app)["owners"]) >= MOST_OWNERS:
        sentence = f"{app.name} has {MOST_OWNERS} owners, and there can be no more."
        raise Conflict(sentence, code="too_many_owners")


def _require_another(app: App, leaving: Account, owners: Iterable[Ownership]) -> None:
    """Somebody who can act must be left."""
    if not any(one.can_act and one.account.id != leaving.id for one in owners):
        sentence = f"{app.name} would be left without an owner. Add another one first, or hand it over."
        raise Conflict(sentence, code="last_owner")


def _is_colleague(account: Account, organization_id: uuid.UUID) -> bool:
    return account.is_person and account.is_active and account.organization_id == organization_id


def _nobody() -> Invalid:
    return _wrong("There is no such person in your organization who could sign in.", code="no_such_person")


def _wrong(sentence: str, *, code: str = "invalid") -> Invalid:
    return Invalid(sentence, code=code, fields={"email": sentence})


def _record(tx: Transaction, type_: str, app: App, person: Account, *, by: Account) -> None:
    record(tx, type_, app, by=by, data={"personId": str(person.id), "person": person.display_name})
