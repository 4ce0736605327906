"""A person's own pages: who they are, where they are signed in, their password."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from appanage.authorizations import interactions, personal_tokens
from appanage.directory.roles import labels
from appanage.kit.errors import Invalid, TooMany
from appanage.kit.http import headers_of
from appanage.kit.ids import Kind
from appanage.kit.text import count_of
from appanage.signin import passwords
from appanage.signin import service as signin
from appanage.web.account.browsers import describe
from appanage.web.pages import Page, Pages, renew_cookie
from appanage.web.signin.pages import too_many
from appanage.web.visit import Visit, local_path, see_other

THEMES = {"", "light", "dark"}


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/account", show),
        pages.route("/account/theme", set_theme, methods=["POST"]),
        pages.route("/account/password", show_password),
        pages.route("/account/password", change_password, methods=["POST"]),
        pages.route("/account/sessions/end", end_others, methods=["POST"]),
        pages.route("/account/sessions/{id}/end", end_session, methods=["POST"]),
    ]


def show(visit: Visit) -> Page:
    account, lifetimes = visit.viewer, visit.deployment.settings.lifetimes
    sessions = signin.list_live_sessions(
        visit.tx, account, idle=lifetimes.session_idle, absolute=lifetimes.session_absolute
    )
    return Page(
        "account/show.html",
        area="account",
        here="profile",
        account=account,
        account_id=visit.ids.encode(Kind.PEOPLE, account.id),
        roles=labels(account.roles),
        sessions=[(one, describe(one.user_agent), one.id == visit.browser.id) for one in sessions],
    )


def end_session(visit: Visit) -> Response:
    """Signs another browser out."""
    ended = signin.get_session(visit.tx, visit.viewer, visit.id())
    signin.sign_out(visit.tx, ended)
    visit.tell(f"{describe(ended.user_agent)} is signed out.")
    return see_other("/account")


def end_others(visit: Visit) -> Response:
    lifetimes = visit.deployment.settings.lifetimes
    ended = signin.sign_out_elsewhere(
        visit.tx, visit.browser, idle=lifetimes.session_idle, absolute=lifetimes.session_absolute
    )
    visit.tell(f"{count_of(ended, 'browser is', 'browsers are')} signed out. You stay signed in here.")
    return see_other("/account")


def show_password(visit: Visit) -> Page:
    return _password_page(visit)


def change_password(visit: Visit) -> Response | Page:
    """Asks for the old password, since a browser left alone is not its owner; throttled like a sign-in."""
    account, source = visit.viewer, visit.origin.address
    throttle = visit.deployment.throttle
    try:
        throttle.count_signin_attempt(account.email, source)
        changed = signin.change_password(
            visit.tx,
            visit.browser,
            old=visit.form.get("current"),
            new=visit.form.get("password"),
            passwords=visit.deployment.passwords,
        )
    except TooMany as refused:
        errors = {"current": too_many(visit, refused)}
        return _password_page(visit, errors, status=429, headers=headers_of(refused))
    except Invalid as invalid:
        return _password_page(visit, invalid.fields, status=422)
    if changed is None:
        throttle.signin_failed(account.email, source)
        return _password_page(visit, {"current": "That is not your present password."}, status=422)
    throttle.signin_succeeded(account.email, source)
    personal_tokens.revoke_all(visit.tx, account)
    interactions.rebind(visit.tx, old_cookie=visit.cookie, new_cookie=changed.cookie.reveal())
    visit.session = changed.session
    visit.tell(
        "Your password is changed. Every other browser is signed out, and your personal tokens have ended."
    )
    return renew_cookie(see_other("/account"), changed.cookie.reveal())


def set_theme(visit: Visit) -> Response:
    """Remembers light, dark, or what the browser prefers."""
    theme = visit.form.get("theme")
    visit.browser.theme = theme if theme in THEMES else ""
    return see_other(local_path(visit.form.get("next")))


def _password_page(
    visit: Visit,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Page:
    return Page(
        "account/password.html",
        area="account",
        here="password",
        status=status,
        headers=headers,
        email=visit.viewer.email,
        shortest=passwords.SHORTEST,
        errors=errors or {},
    )
