"""Authorizations that wait for a second administrator, where an organization's policy wants two to agree.

Looking takes the same as looking at Service Apps; deciding is a personal act of a Full Administrator, in the same way as
in Control Hub. Whoever proposed may withdraw it and cannot confirm it.
"""

import uuid
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response

from appanage.api.authorizations import (
    DecisionBody,
    ProposalBody,
    decided_body,
    proposal_body,
)
from appanage.api.call import Call, needs
from appanage.api.schemas import Body, Items, PageQuery, Text, link_next, new_router
from appanage.authorizations import proposals
from appanage.authorizations.model import AuthorizationProposal, ProposalState
from appanage.authorizations.proposals import no_such_proposal
from appanage.directory.roles import SERVICE_APP_READERS
from appanage.kit.errors import NotFound, Refused
from appanage.kit.ids import Kind

router = new_router("Authorizations")

Reader = Annotated[Call, needs("spark-admin:organizations_read")]
Decider = Annotated[Call, needs("spark:all", own_act=True)]


class ProposalDecision(StrEnum):
    CONFIRM = "confirm"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


class ProposalsQuery(PageQuery):
    """Which proposals: in one state, or all."""

    state: ProposalState | None = None


class ProposalDecisionInput(Body):
    """A decision; a reason counts where nothing is authorized."""

    decision: ProposalDecision
    reason: Text = ""


@router.get("/authorizationProposals")
def list_proposals(
    call: Reader, response: Response, query: Annotated[ProposalsQuery, Query()]
) -> Items[ProposalBody]:
    """What administrators of the organization proposed, the newest first."""
    call.require_role(*SERVICE_APP_READERS)
    page = proposals.list_proposals(call.tx, call.organization.id, query.page, state=query.state)
    link_next(call, response, page)
    return Items(items=[proposal_body(call, one) for one in page.items])


@router.post("/authorizationProposals/{proposal_id}/decision", response_model=DecisionBody | ProposalBody)
def decide(
    call: Decider, proposal_id: str, wanted: ProposalDecisionInput
) -> DecisionBody | ProposalBody | Refused:
    """Confirms a proposal, which authorizes the app; or declines or withdraws it, which answers what has ended.

    409 when it was decided on, has expired or cannot be confirmed any more.
    """
    proposal = proposals.get_proposal(call.tx, call.organization.id, _decode(call, proposal_id))
    if wanted.decision is ProposalDecision.CONFIRM:
        domain = call.deployment.settings.machine_domain
        made = proposals.confirm(call.tx, proposal, by=call.account, machine_domain=domain)
        return made if isinstance(made, Refused) else decided_body(call, made)
    end = proposals.decline if wanted.decision is ProposalDecision.DECLINE else proposals.withdraw
    ended = end(call.tx, proposal, by=call.account, reason=wanted.reason)
    return proposal_body(call, ended) if isinstance(ended, AuthorizationProposal) else ended


def _decode(call: Call, public_id: str) -> uuid.UUID:
    try:
        return call.ids.decode(Kind.AUTHORIZATION_PROPOSAL, public_id)
    except NotFound as cause:
        raise no_such_proposal() from cause
