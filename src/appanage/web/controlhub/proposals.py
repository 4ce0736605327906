"""The second administrator's decision on a Service App, and the first one's second thoughts."""

from starlette.routing import Route

from appanage.authorizations import proposals
from appanage.authorizations.model import Authorization, AuthorizationProposal
from appanage.kit.errors import Conflict, Invalid, Refused
from appanage.kit.ids import parse_uuid
from appanage.kit.text import one_line
from appanage.web.controlhub.access import member
from appanage.web.controlhub.review import Review
from appanage.web.controlhub.review_page import (
    Answer,
    error_status,
    errors_of,
    page_of,
    refused_page,
    review_of,
    risks_to_confirm,
    told,
)
from appanage.web.pages import Pages
from appanage.web.visit import Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/hub/service-apps/{id}/proposal", decide, methods=["POST"])]


def decide(visit: Visit) -> Answer:
    """What the second administrator says, or the first one who thought better of it."""
    member(visit)
    review = review_of(visit)
    said, reason = visit.form.get("decision"), one_line(visit.form.get("reason"))
    proposal = _proposal(visit, review)
    is_theirs = review.proposal is not None and review.may_confirm
    if said == "confirm" and is_theirs and not visit.form.has("ack") and risks_to_confirm(review):
        errors = {"ack": "Confirm that you reviewed the high-risk scopes. Nothing was changed."}
        return page_of(visit, review, errors=errors, status=422)
    try:
        result = _decided(visit, proposal, said, reason)
    except (Conflict, Invalid) as refusal:
        return page_of(visit, review_of(visit), errors=errors_of(refusal), status=error_status(refusal))
    if isinstance(result, Refused):
        return refused_page(visit, result)
    name = review.app.name
    sentence = {
        "confirm": f"{name} is authorized for {review.viewer.organization.name} as {proposal.proposed_by_name} proposed.",
        "decline": f"The proposal of {proposal.proposed_by_name} is declined. Nothing was changed for {name}.",
        "withdraw": f"Your proposal is withdrawn. Nothing was changed for {name}.",
    }[said]
    return told(visit, review, sentence)


def _decided(
    visit: Visit, proposal: AuthorizationProposal, said: str, reason: str
) -> Authorization | AuthorizationProposal | Refused:
    """Raises Conflict and Invalid."""
    by = visit.viewer
    if said == "confirm":
        domain = visit.deployment.settings.machine_domain
        return proposals.confirm(visit.tx, proposal, by=by, machine_domain=domain)
    if said == "decline":
        return proposals.decline(visit.tx, proposal, by=by, reason=reason)
    if said == "withdraw":
        return proposals.withdraw(visit.tx, proposal, by=by, reason=reason)
    sentence = "Choose what to do with the proposal."
    raise Invalid(sentence, fields={"": sentence})


def _proposal(visit: Visit, review: Review) -> AuthorizationProposal:
    """The one that the form is about, whatever became of it. Raises NotFound."""
    proposal_id = parse_uuid(visit.form.get("proposal"))
    if proposal_id is None:
        raise proposals.no_such_proposal()
    proposal = proposals.get_proposal(visit.tx, review.viewer.organization_id, proposal_id)
    if proposal.app_id != review.app.id:
        raise proposals.no_such_proposal()
    return proposal
