"""Sending an app to one organization, whose administrators decide on it; it need not be in the App Hub."""

from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import model_validator

from appanage.api.authorization_requests import RequestBody, decode, request_body
from appanage.api.call import Call
from appanage.api.owned_apps import Developer, Owner, owned_app
from appanage.api.schemas import Body, Items, Line, PageQuery, Text, link_next, new_router
from appanage.authorizations import request_queries, requests, sharing
from appanage.authorizations.model import AuthorizationRequest

router = new_router("Shares")


class ShareInput(Body):
    """The organization by its id, or by one of its verified domains."""

    org_id: Line | None = None
    domain: Line | None = None
    message: Text = ""

    @model_validator(mode="after")
    def names_one(self) -> Self:
        if bool(self.org_id) == bool(self.domain):
            message = "name the organization by orgId or by domain"
            raise ValueError(message)
        return self


@router.post("/applications/{application_id}/shares")
def share(call: Owner, application_id: str, wanted: ShareInput) -> RequestBody:
    """Sends the app to an organization; a repeat is a reminder: 409 more than once a day.

    400 when nothing is reached by the id or domain, always in the same words, and 409 within 30 days after its
    administrators declined.
    """
    app = owned_app(call, application_id)
    call.deployment.throttle.count_address(str(call.account.id))
    words, field = (wanted.org_id, "orgId") if wanted.org_id else (wanted.domain or "", "domain")
    asked = sharing.share(
        call.tx,
        app.id,
        sharing.get_addressee(call.tx, call.ids, words, field=field),
        by=call.account,
        addressed_to=words,
        rules=call.deployment.app_rules,
        message=wanted.message,
    )
    return request_body(call, asked)


@router.get("/applications/{application_id}/shares")
def list_shares(
    call: Developer, response: Response, application_id: str, query: Annotated[PageQuery, Query()]
) -> Items[RequestBody]:
    """The organizations that the app was sent to, the newest first."""
    page = request_queries.list_shares(call.tx, owned_app(call, application_id), query.page)
    link_next(call, response, page)
    return Items(items=[request_body(call, one) for one in page.items])


@router.get("/applications/{application_id}/shares/{share_id}")
def get_share(call: Developer, application_id: str, share_id: str) -> RequestBody:
    """One of them."""
    return request_body(call, _share(call, application_id, share_id))


@router.delete("/applications/{application_id}/shares/{share_id}", status_code=204)
def withdraw_share(call: Owner, application_id: str, share_id: str) -> None:
    """Takes it back: the app is invisible to that organization again. 409 when it was decided on."""
    requests.withdraw(call.tx, _share(call, application_id, share_id).id, by=call.account)


def _share(call: Call, application_id: str, share_id: str) -> AuthorizationRequest:
    return request_queries.get_share(call.tx, owned_app(call, application_id), decode(call, share_id))
