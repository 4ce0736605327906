"""The UserInfo endpoint (OpenID Connect Core §5.3): who signed in, as far as the scopes allow."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.oauth.bearer import headers_named, read_token
from appanage.oauth.errors import InsufficientScope, InvalidToken, MethodNotAllowed, OAuthError
from appanage.oauth.userinfo import Person, claims_of
from appanage.settings import Settings
from appanage.web.oauth.back_channel import ANY_SITE, METHODS, NOT_STORED, PREFLIGHT, Body
from appanage.web.oauth.protected import refused

SCOPE_MISSING = "The token has no scope openid: it was not asked for at sign-in."


def route(deployment: Deployment) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        if request.method not in {"GET", "POST"}:
            error = MethodNotAllowed("Send this request with GET or POST.")
            return refused(request, deployment, error, headers=ANY_SITE | {"Allow": "GET, POST"})
        try:
            claims = await run_in_threadpool(_claims, deployment, request)
        except (InvalidToken, OAuthError) as error:
            return refused(request, deployment, error, headers=ANY_SITE)
        return JSONResponse(claims, headers=NOT_STORED | ANY_SITE)

    return Route("/v1/userinfo", endpoint, methods=METHODS)


def _claims(deployment: Deployment, request: Request) -> Body:
    headers = request.scope["headers"]
    presented = read_token(headers_named(b"authorization", headers))
    if presented is None:
        raise InvalidToken("no token")
    origin = request.state.origin
    thumbprint = deployment.accept_proof(origin, headers, method=request.method, path=request.url.path)
    with deployment.transaction(origin) as tx:
        caller = deployment.verifier.caller_with(tx, presented, thumbprint=thumbprint)
        if "openid" not in caller.scopes or caller.claims is None:
            raise InsufficientScope(SCOPE_MISSING, scopes=["openid"])
        return claims_of(person_of(caller.account, deployment.settings), caller.scopes)


def person_of(account: Account, settings: Settings) -> Person:
    """A person's claims as the directory knows them."""
    domain = account.email.rpartition("@")[2].lower()
    address: Mapping[str, str] = account.addresses[0] if account.addresses else {}
    numbers = [str(one.get("value", "")) for one in account.phone_numbers]
    return Person(
        subject=str(account.id),
        name=account.display_name,
        given_name=account.first_name,
        family_name=account.last_name,
        nickname=account.nick_name,
        picture=account.avatar or "",
        zoneinfo=account.time_zone or "",
        updated_at=account.modified_at,
        email=account.email,
        email_verified=bool({domain, "*"} & {one.lower() for one in settings.verified_email_domains}),
        phone_number=next(filter(None, numbers), ""),
        address={
            "street_address": address.get("streetAddress", ""),
            "locality": address.get("locality", ""),
            "region": address.get("region", ""),
            "postal_code": address.get("postalCode", ""),
            "country": address.get("country", ""),
        },
    )
