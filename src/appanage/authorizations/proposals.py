"""Decisions that take two administrators: one proposes, another one confirms or declines (checklist CONS-07).

Whether both may, what the policy says, and whether the app is still what was proposed are asked again at that moment.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select, tuple_

from appanage import events
from appanage.apps.model import App
from appanage.authorizations import app_policies, deciding, decisions, queries
from appanage.authorizations.app_policy_rules import Terms
from appanage.authorizations.choices import Choice, choose
from appanage.authorizations.deciding import (
    lock_pair,
    missing_roles,
    record_decision,
    refuse,
    refuse_by_policy,
    require_authorizable,
    require_decider,
    require_short,
)
from appanage.authorizations.granting import Author, grant
from appanage.authorizations.model import Authorization, AuthorizationProposal, ProposalState
from appanage.authorizations.queries import time_and_id
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events.service import SYSTEM
from appanage.kit.errors import Conflict, Invalid, NotFound, NotPermitted, Refused
from appanage.kit.paging import Page, PageRequest, encode_cursor
from appanage.storage import Transaction

_SAID = {
    ProposalState.CONFIRMED: "confirmed",
    ProposalState.DECLINED: "declined",
    ProposalState.WITHDRAWN: "withdrawn",
    ProposalState.EXPIRED: "ended by the passing of time",
}


def get_proposal(
    tx: Transaction, organization_id: uuid.UUID, proposal_id: uuid.UUID
) -> AuthorizationProposal:
    """One of this organization; another's does not exist."""
    query = _of_organization(organization_id).where(AuthorizationProposal.id == proposal_id)
    found = tx.scalar(query)
    if found is None:
        raise no_such_proposal()
    return found


def no_such_proposal() -> NotFound:
    return NotFound("There is no such proposal.", code="proposal_not_found")


def list_proposals(
    tx: Transaction, organization_id: uuid.UUID, page: PageRequest, *, state: ProposalState | None = None
) -> Page[AuthorizationProposal]:
    """What administrators of the organization proposed, the newest first."""
    query = _of_organization(organization_id)
    if state is not None:
        query = query.where(AuthorizationProposal.state == state)
    order = (AuthorizationProposal.proposed_at, AuthorizationProposal.id)
    if page.after is not None:
        query = query.where(tuple_(*order) < time_and_id(page.after))
    newest_first = query.order_by(*(column.desc() for column in order))
    rows = list(tx.scalars(newest_first.limit(page.size + 1)))
    last = rows[page.size - 1] if len(rows) > page.size else None
    cursor = encode_cursor((last.proposed_at.isoformat(), str(last.id))) if last else None
    return Page(rows[: page.size], cursor)


def find_waiting(
    tx: Transaction, app_id: uuid.UUID, organization_id: uuid.UUID
) -> AuthorizationProposal | None:
    """The one that waits, if any: also one whose time is over and that nobody has ended yet."""
    return tx.scalar(_waiting(app_id, organization_id))


def propose(
    tx: Transaction, app: App, choice: Choice, *, by: Account, terms: Terms, rule: str, lifetime: timedelta
) -> AuthorizationProposal:
    """What one administrator would decide. A repeat is the same proposal; a changed mind takes its place.

    Raises Conflict while another administrator's proposal can still be confirmed. The pair is locked by the caller.
    """
    waiting = _lock_waiting(tx, app, by.organization_id)
    if waiting is not None:
        is_own = waiting.proposed_by == by.id
        if is_own and waiting.is_live(tx.now) and _says(waiting, app, choice, terms, tx.now):
            return waiting
        _make_room(tx, waiting, app, by=by)
    made = AuthorizationProposal(
        id=uuid.uuid4(),
        app_id=app.id,
        app=app,
        organization_id=by.organization_id,
        app_version=app.version,
        scopes=sorted(choice.scopes),
        ends_at=choice.ends_at,
        note=choice.note,
        rule=rule,
        proposed_by=by.id,
        proposed_by_name=by.display_name,
        proposed_at=tx.now,
        expires_at=tx.now + lifetime,
        state=ProposalState.WAITING.value,
    )
    tx.add(made)
    tx.flush()
    data = {
        "scopes": made.scopes,
        "endsAt": made.ends_at.isoformat() if made.ends_at else None,
        "note": made.note,
        "rule": rule,
        "expires": made.expires_at.isoformat(),
    }
    _record(tx, "authorization.proposed", made, by=by, data=data)
    return made


def confirm(
    tx: Transaction, proposal: AuthorizationProposal, *, by: Account, machine_domain: str
) -> Authorization | Refused:
    """Authorizes the app as it was proposed. A repeat by who confirmed it answers the same authorization.

    The second administrator is not the first, and both hold their roles now, locked (checklist CONS-06, CONS-07). Raises
    NotFound for an app that is not shown to them any more, and Conflict.
    """
    app = proposal.app
    lock_pair(tx, app, proposal.organization_id)
    terms = app_policies.terms_of(tx, proposal.organization_id, for_share=True)
    _lock_both(tx, proposal, by)
    # Before the proposal, as by everybody who ends an authorization and what is proposed about it.
    current = queries.lock_of_organization(tx, app, proposal.organization_id)
    proposal = _lock(tx, proposal)
    by, refused = require_decider(tx, app, by, proposal.scopes)
    if refused:
        return refused
    if current is not None and proposal.state == ProposalState.CONFIRMED and proposal.decided_by == by.id:
        return current
    _require_waiting(proposal)
    decisions.get_visible_app(tx, by, app.id)
    if proposal.proposed_by == by.id:
        return refuse(tx, app, by, _needs_another(proposal), {"proposalId": str(proposal.id)})
    _require_still_true(tx, proposal)
    require_authorizable(app, by.organization)
    choice = _chosen(tx, proposal, current, terms)
    judged = choice.judged_by_policy(current)
    verdict = app_policies.verdict_on_decision(tx, by.organization_id, app, judged, terms) if judged else None
    if verdict is not None and verdict.is_refused:
        return refuse_by_policy(tx, app, by, verdict)
    proposal.decide(ProposalState.CONFIRMED, by=by, now=tx.now)
    author = _both(proposal, by)
    return grant(tx, app, by.organization, current, choice, author=author, machine_domain=machine_domain)


def decline(
    tx: Transaction, proposal: AuthorizationProposal, *, by: Account, reason: str = ""
) -> AuthorizationProposal | Refused:
    """Ends the proposal of another administrator. A repeat changes nothing."""
    proposal = _begin(tx, proposal, by=by)
    by, refused = require_decider(tx, proposal.app, by)
    if refused:
        return refused
    require_short(reason, "reason")
    if proposal.state == ProposalState.DECLINED and proposal.decided_by == by.id:
        return proposal
    _require_waiting(proposal)
    if proposal.proposed_by == by.id:
        sentence = "You proposed this yourself. Withdraw it instead of declining it."
        raise Conflict(sentence, code="own_proposal")
    _close(tx, proposal, ProposalState.DECLINED, by=by, reason=reason)
    return proposal


def withdraw(
    tx: Transaction, proposal: AuthorizationProposal, *, by: Account, reason: str = ""
) -> AuthorizationProposal | Refused:
    """Its proposer thought better of it. A repeat changes nothing."""
    proposal = _begin(tx, proposal, by=by)
    by, refused = require_decider(tx, proposal.app, by)
    if refused:
        return refused
    require_short(reason, "reason")
    if proposal.proposed_by != by.id:
        sentence = f"Only {proposal.proposed_by_name} can withdraw this proposal. You can decline it."
        raise Conflict(sentence, code="not_own_proposal")
    if proposal.state != ProposalState.WITHDRAWN:
        _require_waiting(proposal)
        _close(tx, proposal, ProposalState.WITHDRAWN, by=by, reason=reason)
    return proposal


def overtake(
    tx: Transaction, app: App, organization_id: uuid.UUID, *, by: Account | None, reason: str
) -> None:
    """Ends what waits because something else was decided; without `by` it was not a person who did."""
    waiting = _lock_waiting(tx, app, organization_id)
    if waiting is not None:
        _close(tx, waiting, _overtaken(waiting, by), by=by, reason=reason, is_overtaken=True)


def list_waiting_organizations(tx: Transaction, app: App) -> Sequence[uuid.UUID]:
    """Where a proposal on this app waits."""
    query = select(AuthorizationProposal.organization_id).where(
        AuthorizationProposal.app_id == app.id, AuthorizationProposal.state == ProposalState.WAITING
    )
    return list(tx.scalars(query))


def list_overdue(tx: Transaction, *, most: int, but: Collection[uuid.UUID] = ()) -> list[uuid.UUID]:
    """Those that wait although their time is over, the oldest first."""
    query = select(AuthorizationProposal.id).where(
        AuthorizationProposal.state == ProposalState.WAITING,
        AuthorizationProposal.expires_at <= tx.now,
        AuthorizationProposal.id.not_in(but),
    )
    return list(tx.scalars(query.order_by(AuthorizationProposal.expires_at).limit(most)))


def expire(tx: Transaction, proposal_id: uuid.UUID) -> bool:
    """Ends a proposal that nobody decided on in time; False if somebody just did."""
    proposal = tx.get(AuthorizationProposal, proposal_id)
    if proposal is None:
        return False
    deciding.take_turn(tx, proposal.app_id, proposal.organization_id)
    proposal = _lock(tx, proposal)
    if proposal.state != ProposalState.WAITING or proposal.is_live(tx.now):
        return False
    _close(tx, proposal, ProposalState.EXPIRED, by=None)
    return True


def _of_organization(organization_id: uuid.UUID) -> Select[AuthorizationProposal]:
    return select(AuthorizationProposal).where(AuthorizationProposal.organization_id == organization_id)


def _waiting(app_id: uuid.UUID, organization_id: uuid.UUID) -> Select[AuthorizationProposal]:
    return _of_organization(organization_id).where(
        AuthorizationProposal.app_id == app_id, AuthorizationProposal.state == ProposalState.WAITING
    )


def _begin(tx: Transaction, proposal: AuthorizationProposal, *, by: Account) -> AuthorizationProposal:
    lock_pair(tx, proposal.app, proposal.organization_id)
    _lock_both(tx, proposal, by)
    return _lock(tx, proposal)


def _lock_both(tx: Transaction, proposal: AuthorizationProposal, by: Account) -> None:
    """The first administrator and this one, in the order of everybody who locks two, as they are now."""
    for account_id in sorted({by.id, proposal.proposed_by}):
        directory.find_account_for_update(tx, account_id)


def _lock(tx: Transaction, proposal: AuthorizationProposal) -> AuthorizationProposal:
    tx.refresh(proposal, with_for_update={"of": AuthorizationProposal})
    return proposal


def _lock_waiting(tx: Transaction, app: App, organization_id: uuid.UUID) -> AuthorizationProposal | None:
    query = _waiting(app.id, organization_id).with_for_update(of=AuthorizationProposal)
    return tx.scalar(query.execution_options(populate_existing=True))


def _require_waiting(proposal: AuthorizationProposal) -> None:
    if proposal.state != ProposalState.WAITING:
        by = f" by {proposal.decided_by_name}" if proposal.decided_by_name else ""
        sentence = (
            f"This proposal was {_SAID[ProposalState(proposal.state)]}{by} meanwhile. Nothing was changed."
        )
        raise Conflict(sentence, code="proposal_decided")


def _require_still_true(tx: Transaction, proposal: AuthorizationProposal) -> None:
    """Raises Conflict when it is too late, the first administrator may not decide any more, or the app has changed."""
    if not proposal.is_live(tx.now):
        sentence = (
            f"The proposal of {proposal.proposed_by_name} ended on {proposal.expires_at:%Y-%m-%d %H:%M} UTC "
            "before anybody confirmed it. Decide anew."
        )
        raise Conflict(sentence, code="proposal_expired")
    first = directory.find_account(tx, proposal.proposed_by)
    if first is None or not first.is_active or missing_roles(first, proposal.scopes):
        sentence = (
            f"{proposal.proposed_by_name}, who proposed this, may not decide on {proposal.app.name} any more. "
            "Decline it, then decide anew."
        )
        raise Conflict(sentence, code="proposer_may_not")
    if proposal.app_version != proposal.app.version:
        sentence = (
            f"{proposal.app.name} was changed by its developer after {proposal.proposed_by_name} proposed this. "
            "Look at what it asks for now, then decide anew."
        )
        raise Conflict(sentence, code="changed_meanwhile")


def _chosen(
    tx: Transaction,
    proposal: AuthorizationProposal,
    current: Authorization | None,
    terms: Terms,
) -> Choice:
    """What was proposed, by the rules of now."""
    try:
        choice = choose(
            proposal.app,
            current,
            wanted=frozenset(proposal.scopes),
            ends_at=proposal.ends_at,
            note=proposal.note,
            terms=terms,
            now=tx.now,
        )
    except Invalid as error:
        raise Conflict(f"{error.message} Decide anew.", code="proposal_not_possible") from error
    if choice.ends_at != proposal.ends_at:
        sentence = (
            f"The policy of your organization has changed: an authorization now lasts {terms.longest_days} days "
            "at the longest. Decide anew."
        )
        raise Conflict(sentence, code="proposal_not_possible")
    return choice


def _make_room(tx: Transaction, waiting: AuthorizationProposal, app: App, *, by: Account) -> None:
    """Ends what another proposal takes the place of. Raises Conflict for what another administrator can confirm."""
    is_own, is_outrun = waiting.proposed_by == by.id, waiting.app_version != app.version
    if not waiting.is_live(tx.now):
        _close(tx, waiting, ProposalState.EXPIRED, by=None)
    elif is_own:
        _close(tx, waiting, ProposalState.WITHDRAWN, by=by)
    elif is_outrun:
        reason = "The app has changed since."
        _close(tx, waiting, ProposalState.EXPIRED, by=None, reason=reason, is_overtaken=True)
    else:
        raise _another_waits(waiting)


def _overtaken(proposal: AuthorizationProposal, by: Account | None) -> ProposalState:
    if by is None:
        return ProposalState.EXPIRED
    return ProposalState.WITHDRAWN if by.id == proposal.proposed_by else ProposalState.DECLINED


def _both(proposal: AuthorizationProposal, second: Account) -> Author:
    facts = {
        "proposalId": str(proposal.id),
        "proposedBy": str(proposal.proposed_by),
        "proposedByName": proposal.proposed_by_name,
        "confirmedBy": str(second.id),
        "confirmedByName": second.display_name,
        "requiredBy": proposal.rule,
    }
    names = f"{proposal.proposed_by_name} and {second.display_name}"
    return Author(second, names, second.as_actor(), facts=facts)


def _says(proposal: AuthorizationProposal, app: App, choice: Choice, terms: Terms, now: datetime) -> bool:
    before = (proposal.app_version, frozenset(proposal.scopes), proposal.note)
    is_same_end = proposal.ends_at == choice.ends_at or _is_the_latest_again(proposal, choice, terms, now)
    return before == (app.version, choice.scopes, choice.note) and is_same_end


def _is_the_latest_again(
    proposal: AuthorizationProposal, choice: Choice, terms: Terms, now: datetime
) -> bool:
    """Whether both end as late as the policy lets them, which moves with the time at which it is asked."""
    latest = terms.latest_end(proposal.proposed_at), terms.latest_end(now)
    return (proposal.ends_at, choice.ends_at) == latest


def _another_waits(proposal: AuthorizationProposal) -> Conflict:
    sentence = (
        f"{proposal.proposed_by_name} has proposed a decision on {proposal.app.name} already. "
        "Confirm it or decline it first."
    )
    return Conflict(sentence, code="proposal_waiting")


def _needs_another(proposal: AuthorizationProposal) -> NotPermitted:
    sentence = (
        f"You proposed to authorize {proposal.app.name} yourself. "
        "Another Full Administrator has to confirm it; you can withdraw it."
    )
    return NotPermitted(sentence, code="second_administrator_needed")


def _close(
    tx: Transaction,
    proposal: AuthorizationProposal,
    state: ProposalState,
    *,
    by: Account | None,
    reason: str = "",
    is_overtaken: bool = False,
) -> None:
    """The reason of an overtaken one is ours, else it is in the words of who ended it."""
    actor = None if state is ProposalState.EXPIRED else by
    proposal.decide(state, by=actor, now=tx.now, reason=reason)
    tx.flush()  # another one may take its place, of which the database allows one
    data = {"reason": reason} | ({"overtaken": True} if is_overtaken else {})
    _record(tx, f"authorization.proposal_{state}", proposal, by=actor, data=data)


def _record(
    tx: Transaction,
    type_: str,
    proposal: AuthorizationProposal,
    *,
    by: Account | None,
    data: Mapping[str, object],
) -> None:
    organization = directory.get_organization(tx, proposal.organization_id)
    said = {"proposalId": str(proposal.id), "proposedBy": str(proposal.proposed_by), **data}
    actor: Account | events.Actor = by or SYSTEM
    record_decision(tx, type_, proposal.app, organization, by=actor, data=said)
