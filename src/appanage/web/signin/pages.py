"""The sign-in page and the sign-out form."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from appanage.authorizations import interactions
from appanage.kit.errors import TooMany
from appanage.kit.http import headers_of
from appanage.signin import service as signin
from appanage.web.csp import KEEPS_OPENER
from appanage.web.oauth.interaction import find_at
from appanage.web.pages import Page, Pages, fresh_cookie, renew_cookie
from appanage.web.rendering import date_and_time
from appanage.web.visit import Visit, local_path, see_other


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/", home),
        pages.route("/login", show),
        pages.route("/login", sign_in, methods=["POST"]),
        pages.route("/logout", sign_out, methods=["POST"]),
    ]


def home(visit: Visit) -> Response:
    """Where a person begins: at what they are asked to decide, or at their apps."""
    account = visit.viewer
    starts_in_hub = account.is_administrator and not account.organization.is_free
    return see_other("/hub" if starts_in_hub else "/portal/apps")


def show(visit: Visit) -> Response | Page:
    """Who is signed in already is led on; but an app may ask to sign in anew, or somebody else may want to."""
    wanted = local_path(visit.query.get("next", "/"))
    if visit.session is not None and find_at(visit, wanted) is None:
        return see_other(wanted)
    return _page(visit)


def sign_in(visit: Visit) -> Response | Page:
    email, source = visit.form.get("email").strip(), visit.origin.address
    throttle = visit.deployment.throttle
    try:
        throttle.count_signin_attempt(email, source)
    except TooMany as refused:
        return _page(
            visit, email=email, error=too_many(visit, refused), status=429, headers=headers_of(refused)
        )
    signed_in = signin.sign_in(
        visit.tx, email, visit.form.get("password"), passwords=visit.deployment.passwords
    )
    if signed_in is None:
        left = throttle.signin_failed(email, source)
        return _page(visit, email=email, error=_no_match(left), status=422)
    throttle.signin_succeeded(email, source)
    if visit.session is not None:
        signin.sign_out(visit.tx, visit.session)
    new_cookie = signed_in.cookie.reveal()
    interactions.rebind(visit.tx, old_cookie=visit.cookie, new_cookie=new_cookie)
    return renew_cookie(see_other(local_path(visit.form.get("next"))), new_cookie)


def sign_out(visit: Visit) -> Response:
    if visit.session is not None:
        signin.sign_out(visit.tx, visit.session)
    return renew_cookie(RedirectResponse("/login", 303), fresh_cookie())


def too_many(visit: Visit, refused: TooMany) -> str:
    """When to try again, as a clock time."""
    return f"Too many attempts. Try again after {date_and_time(visit.tx.now + refused.retry_after)}."


def _page(
    visit: Visit,
    *,
    email: str | None = None,
    error: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Page:
    wanted = local_path(visit.form.get("next") or visit.query.get("next", "/"))
    interaction = find_at(visit, wanted)
    hint = interactions.request_of(interaction).login_hint if interaction else None
    return Page(
        "signin/login.html",
        kind="signin",
        status=status,
        headers={**(KEEPS_OPENER if interaction else {}), **(headers or {})},
        email=hint or "" if email is None else email,
        error=error,
        next=wanted,
        place=interaction.app.name if interaction else _place(visit, wanted),
    )


def _place(visit: Visit, path: str) -> str:
    """The console that the person is on the way to."""
    brand = visit.deployment.settings.brand
    places = {"/portal": brand.portal, "/hub": brand.hub}
    return next((name for prefix, name in places.items() if path.startswith(prefix)), brand.product)


def _no_match(left: int) -> str:
    sentence = "That e-mail and password do not match."
    if left == 0:
        return sentence
    return f"{sentence} 1 try left." if left == 1 else f"{sentence} {left} tries left."
