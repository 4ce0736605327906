"""The pages of the device grant (RFC 8628 §3.3): a person enters the code that a device shows, and decides."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import consents, device_codes
from appanage.authorizations.model import DeviceCode
from appanage.kit.errors import NotPermitted, Refusal, Refused, TooMany
from appanage.kit.http import headers_of
from appanage.web.account.browsers import describe as describe_program
from appanage.web.oauth.interaction import asked_for
from appanage.web.pages import Page, Pages
from appanage.web.signin.pages import too_many
from appanage.web.visit import Visit, see_other

# One sentence whether the code never existed, has expired, or is somebody else's (RFC 8628 §5.1, checklist AUTHZ-13).
_NOT_VALID = (
    "This code is not valid any more, or never was. Compare it with the device, or start there again."
)


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/verify", enter),
        pages.route("/verify", claim, methods=["POST"]),
        pages.route("/verify/{id}", show),
        pages.route("/verify/{id}/decision", decide, methods=["POST"]),
    ]


def enter(visit: Visit) -> Page:
    """A code in the address is only filled in: a link must not decide for a person (RFC 8628 §3.3.1, §5.4)."""
    return _entry(visit, visit.text("userCode"))


def claim(visit: Visit) -> Response | Page:
    """Makes the person the only one who sees and decides what the device asks for."""
    person, typed = visit.viewer, visit.form.get("user_code")
    try:
        visit.deployment.throttle.count_user_code_attempt(str(person.id), visit.origin.address)
    except TooMany as refused:
        return _entry(visit, typed, error=too_many(visit, refused), status=429, headers=headers_of(refused))
    found = device_codes.find_for_entry(visit.tx, typed)
    if found is None or not device_codes.claim(visit.tx, found, person):
        return _entry(visit, typed, error=_NOT_VALID, status=422)
    return see_other(_address_of(found))


def show(visit: Visit) -> Page:
    """What the device asks for; afterwards, what was decided."""
    device = device_codes.get_claimed(visit.tx, visit.viewer, visit.id())
    if device.approved_at is not None or device.denied_at is not None:
        return Page(
            "oauth/device/decided.html", kind="signin", app=device.app, is_allowed=device.denied_at is None
        )
    refused = consents.refusal(visit.tx, device.app, visit.viewer, device.scopes)
    return _refuse(visit, device, refused) if refused else _ask(visit, device)


def decide(visit: Visit) -> Response | Page:
    device = device_codes.get_claimed(visit.tx, visit.viewer, visit.id())
    if visit.form.get("decision") != "allow":
        device_codes.deny(visit.tx, device, visit.viewer)
        return see_other(_address_of(device))
    allowed = device_codes.approve(visit.tx, device, visit.viewer, visit.browser)
    if isinstance(allowed, Refused):
        device_codes.turn_away(visit.tx, device)
        return _blocked(visit, device, allowed.error)
    return see_other(_address_of(device))


def _address_of(device: DeviceCode) -> str:
    return f"/verify/{device.id}"


def _entry(
    visit: Visit,
    typed: str,
    *,
    error: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Page:
    return Page(
        "oauth/device/enter.html",
        kind="signin",
        status=status,
        headers=headers,
        person=visit.viewer,
        typed=typed[:32],
        error=error,
        minutes=visit.deployment.settings.lifetimes.device_code.seconds // 60,
    )


def _ask(visit: Visit, device: DeviceCode) -> Page:
    current = consents.find(visit.tx, device.app, visit.viewer)
    return Page(
        "oauth/device/confirm.html",
        kind="signin",
        app=device.app,
        person=visit.viewer,
        device=device,
        program=describe_program(device.user_agent),
        is_near=device.address == visit.origin.address,
        action=_address_of(device),
        since=current.scopes_approved_at if current else None,
        **asked_for(frozenset(device.scopes), device.resource, current),
    )


def _refuse(visit: Visit, device: DeviceCode, refused: NotPermitted) -> Page:
    """The person may not allow this: recorded once, and the device is told no."""
    consents.refuse(visit.tx, device.app, visit.viewer, refused)
    device_codes.turn_away(visit.tx, device)
    return _blocked(visit, device, refused)


def _blocked(visit: Visit, device: DeviceCode, refused: Refusal) -> Page:
    return Page(
        "oauth/blocked.html",
        kind="signin",
        status=403,
        app=device.app,
        person=visit.viewer,
        refused=refused,
        way_out=None,
    )
