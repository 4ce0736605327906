"""Requests that come ahead of a person's decision: pushed by a client, or begun by a device."""

from collections.abc import Mapping

from appanage.apps.model import App
from appanage.apps.scopes import OPENID_SCOPES
from appanage.authorizations import clients, device_codes, pushed_requests
from appanage.deployment import Deployment
from appanage.oauth.authorization import PARAMETERS, Client, RedirectableError, Server, read, read_device
from appanage.oauth.errors import InvalidDpopProof, InvalidRequest
from appanage.web.oauth.back_channel import Body, ClientRequest, count_beginning

_LONGEST = 16_000  # characters of all that is kept


def push(request: ClientRequest) -> Body:
    """RFC 9126 §2: the request is checked as a whole, and kept for one visit of a browser."""
    if "request_uri" in request.parameters:
        raise InvalidRequest("A pushed request cannot name another one: leave out request_uri.")
    parameters = _bound(only_known(request.parameters), request.key_thumbprint)
    parameters["client_id"] = request.client.client_id
    deployment = request.deployment
    if request.client.is_public:
        count_beginning(deployment, request.tx.origin.address)
    try:
        read(parameters, rules_for(deployment, request.client), server_of(deployment), was_pushed=True)
    except RedirectableError as refused:
        raise refused.error from refused
    lifetime = deployment.settings.lifetimes.pushed_request
    request_uri = pushed_requests.push(
        request.tx, request.client, parameters, lifetime=lifetime, by_client=True
    )
    return {"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())}


def begin_device(request: ClientRequest) -> Body:
    """RFC 8628 §3.1, §3.2."""
    deployment = request.deployment
    count_beginning(deployment, request.tx.origin.address)
    asked = read_device(request.parameters, rules_for(deployment, request.client), server_of(deployment))
    begun = device_codes.begin(
        request.tx,
        request.client,
        scopes=asked.scopes,
        resource=asked.resource,
        lifetime=deployment.settings.lifetimes.device_code,
    )
    page = f"{deployment.settings.base_url}/verify"
    return {
        "device_code": begun.device_code.reveal(),
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?userCode={begun.user_code}",
        "expires_in": int(begun.expires_in.total_seconds()),
        "interval": int(begun.interval.total_seconds()),
    }


def only_known(parameters: Mapping[str, str]) -> dict[str, str]:
    """What is worth keeping of a request: no credentials, and nothing that no rule looks at."""
    known = {name: value for name, value in parameters.items() if name in PARAMETERS}
    if sum(map(len, known.values())) > _LONGEST:
        raise InvalidRequest(f"The parameters have more than {_LONGEST:,} characters.")
    return known


def _bound(parameters: dict[str, str], key_thumbprint: str | None) -> dict[str, str]:
    """The code will be bound to the key of the proof that came with the request (RFC 9449 §10.1)."""
    if key_thumbprint is None:
        return parameters
    if parameters.get("dpop_jkt", key_thumbprint) != key_thumbprint:
        raise InvalidDpopProof("dpop_jkt is not the thumbprint of the key that made the DPoP proof.")
    return parameters | {"dpop_jkt": key_thumbprint}


def rules_for(deployment: Deployment, app: App) -> Client:
    """The client as the rules of the protocol see it."""
    return clients.registered(app, is_strict=deployment.issuer.is_strict(app))


def server_of(deployment: Deployment) -> Server:
    """What is switched on in this deployment."""
    settings = deployment.settings
    return Server(
        issuer=settings.issuer,
        resources=frozenset({settings.issuer, *settings.resources}),
        allows_plain=settings.plain_pkce and not settings.strict,
        openid_scopes=OPENID_SCOPES,
    )
