"""The UserInfo endpoint (OpenID Connect Core §5.3): who signed in, as far as the scopes allow."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.oauth.bearer import Scheme, challenge, headers_named, read_token
from appanage.oauth.errors import InvalidToken, OAuthError
from appanage.oauth.userinfo import Person, claims_of
from appanage.settings import Settings
from appanage.web.oauth.back_channel import ANY_SITE, METHODS, NOT_STORED, PREFLIGHT, Body

NO_TOKEN = "The request requires a valid access token set in the Authorization request header."
SCOPE_MISSING = "The token has no scope openid: it was not asked for at sign-in."


class InsufficientScope(OAuthError):
    """RFC 6750 §3.1: the token is good, but not for this."""

    code = "insufficient_scope"
    status = 403


def route(deployment: Deployment) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        if request.method not in {"GET", "POST"}:
            error = OAuthError("Send this request with GET or POST.")
            return _refused(request, deployment, error, 405, {"Allow": "GET, POST"})
        try:
            claims = await run_in_threadpool(_claims, deployment, request)
        except InvalidToken:
            return _refused(request, deployment, None, 401)
        except InsufficientScope as error:
            return _refused(request, deployment, error, 403)
        except OAuthError as error:  # the proof, or the token's form
            return _refused(request, deployment, error, 401)
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
            raise InsufficientScope(SCOPE_MISSING)
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


def _refused(
    request: Request,
    deployment: Deployment,
    error: OAuthError | None,
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """RFC 6750 §3 and RFC 9449 §7.1, with the platform's error body."""
    given = request.headers.get("authorization", "")
    scheme = Scheme.DPOP if given.lower().startswith("dpop ") else Scheme.BEARER
    code = error.code if error else ("invalid_token" if given else None)
    sentence = error.description if error else NO_TOKEN
    settings = deployment.settings
    asked = challenge(
        realm=settings.brand.product,
        metadata=f"{settings.base_url}/.well-known/oauth-protected-resource/v1",
        algorithms=settings.client_algorithms,
        error=code,
        description=sentence,
        scopes=["openid"] if status == 403 else (),
        scheme=scheme,
    )
    body = {
        "error": code or "invalid_token",
        "error_description": sentence,
        "message": sentence,
        "errors": [{"description": sentence}],
        "trackingId": request.state.origin.tracking_id,
    }
    nonce = {"DPoP-Nonce": deployment.nonces.make(deployment.database.clock())}
    return JSONResponse(
        body,
        status,
        NOT_STORED
        | ANY_SITE
        | {"WWW-Authenticate": asked}
        | (nonce if scheme is Scheme.DPOP else {})
        | dict(headers or {}),
    )
