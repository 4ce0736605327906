"""The edge between HTTP and page handlers: cookies, forms, one thread, one transaction, one answer."""

import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import structlog
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.directory.sandboxes import find_end
from appanage.events.service import record_refused_change
from appanage.kit.errors import Invalid, NotAForm, NotPermitted, Refusal, Refused
from appanage.kit.http import headers_of, status_of
from appanage.kit.multipart import MULTIPART, BrokenMultipart, parts_of
from appanage.oauth.errors import OAuthError
from appanage.oauth.parameters import FORM, parse_lists
from appanage.settings import Settings
from appanage.signin import service as signin
from appanage.signin.model import BrowserSession
from appanage.storage import Transaction
from appanage.web.csp import page_headers
from appanage.web.navigation import areas_for, nav_for
from appanage.web.rendering import hue, initials, render
from appanage.web.visit import Form, SignInRequired, Visit, local_path, see_other

log = structlog.get_logger(__name__)

Handler = Callable[[Visit], "Response | Page | Refused"]
Kind = Literal["console", "signin", "secret"]


MOST_FIELDS = 600


class Page:
    """A template and what it shows; rendered by the edge, inside the transaction, with what every page has."""

    def __init__(
        self,
        template: str,
        *,
        status: int = 200,
        kind: Kind = "console",
        area: str = "",
        here: str = "",
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> None:
        self.template = template
        self.status = status
        self.kind = kind
        self.area = area
        self.here = here
        self.headers = dict(headers or {})
        self.context = context


class Pages:
    """Makes routes of page handlers."""

    def __init__(self, deployment: Deployment, environment: Environment) -> None:
        self._deployment = deployment
        self._environment = environment

    @property
    def settings(self) -> Settings:
        """For pages that exist in some deployments only."""
        return self._deployment.settings

    def route(
        self, path: str, handler: Handler, *, methods: Sequence[str] = ("GET",), from_anywhere: bool = False
    ) -> Route:
        """A page; its forms count only if this site served them, unless they may come `from_anywhere`.

        Such a form of another site is nobody's: it is read without the browser's cookie, which it may not bring, and
        answered without a new one, which would sign the person out.
        """

        async def endpoint(request: Request) -> Response:
            try:
                form = await _read_form(request)
            except Refusal as refused:
                return await run_in_threadpool(self.refusal, request, refused)
            cookie = _Cookie(self._deployment, request, is_foreign=from_anywhere)
            return await run_in_threadpool(self._answer, request, form, cookie, handler)

        made = Route(path, endpoint, methods=list(methods), name=f"{handler.__module__}.{handler.__name__}")
        made.methods = set(methods)  # without HEAD, which would do what GET does and show nothing of it
        return made

    def refusal(self, request: Request, refused: Refusal) -> Response:
        """The page that says what was refused; for what ends before or after a handler."""
        cookie = _Cookie(self._deployment, request)
        return cookie.set_on(self._refused(request, cookie, secrets.token_urlsafe(16), refused))

    def plain_refusal(self, refused: Refusal, status: int, tracking_id: str) -> Response:
        """As `refusal`, for when nothing can be relied on: without viewer, session or database."""
        context: dict[str, Any] = {
            "brand": self._deployment.settings.brand,
            "viewer": None,
            "area": "",
            "areas": [],
            "here": "",
            "nav": [],
            "csrf_token": "",
            "nonce": "",
            "theme": "",
            "lang": "en",
            "dir": "ltr",
            "notices": [],
            "path": "",
            "status": status,
            "message": refused.message,
            "tracking_id": tracking_id,
        }
        return HTMLResponse(
            render(self._environment, "error.html", context), status, page_headers("signin", "")
        )

    def _answer(self, request: Request, form: Form, cookie: "_Cookie", handler: Handler) -> Response:
        """Runs the handler; a refusal that it returns commits its record, one that it raises rolls back."""
        nonce = secrets.token_urlsafe(16)
        try:
            result = self._run(request, form, cookie, nonce, handler)
        except Refusal as refused:
            self._keep_trace(request, cookie, refused)
            result = Refused(refused)
        if cookie.session_to_note is not None:
            signin.note_seen(self._deployment.database, request.state.origin, cookie.session_to_note)
        if isinstance(result, Refused):
            return cookie.set_on(self._refused(request, cookie, nonce, result.error))
        return cookie.set_on(result)

    def _keep_trace(self, request: Request, cookie: "_Cookie", refused: Refusal) -> None:
        """Somebody tried to change what their roles do not let them change."""
        if not isinstance(refused, NotPermitted) or request.method != "POST":
            return
        with self._deployment.transaction(request.state.origin) as tx:
            session = self._session(tx, cookie)
            if session is not None:
                record_refused_change(tx, session.account.as_actor(), refused, f"POST {request.url.path}")

    def _run(
        self, request: Request, form: Form, cookie: "_Cookie", nonce: str, handler: Handler
    ) -> Response | Refused:
        with self._deployment.transaction(request.state.origin) as tx:
            visit = self._visit(tx, request, form, cookie, nonce)
            if visit.method == "POST" and not cookie.is_foreign:
                _require_own_form(visit, request)
            result = handler(visit)
            return self._rendered(visit, result) if isinstance(result, Page) else result

    def _visit(self, tx: Transaction, request: Request, form: Form, cookie: "_Cookie", nonce: str) -> Visit:
        return Visit(
            deployment=self._deployment,
            tx=tx,
            origin=request.state.origin,
            method=request.method,
            path=request.url.path,
            parameters=request.path_params,
            query=request.query_params,
            raw_query=request.scope["query_string"],
            form=form,
            cookie=cookie.value,
            session=self._session(tx, cookie),
            nonce=nonce,
        )

    def _session(self, tx: Transaction, cookie: "_Cookie") -> BrowserSession | None:
        lifetimes = self._deployment.settings.lifetimes
        idle, absolute = lifetimes.session_idle, lifetimes.session_absolute
        found = signin.find_session(tx, cookie.value, idle=idle, absolute=absolute)
        if found is not None and not found.was_seen_lately(tx.now):
            cookie.session_to_note = found.id
        return found

    def _refused(self, request: Request, cookie: "_Cookie", nonce: str, refused: Refusal) -> Response:
        if isinstance(refused, SignInRequired):
            wanted = str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
            return see_other(f"/login?{_next_query(wanted if request.method == 'GET' else '/')}")
        with self._deployment.transaction(request.state.origin) as tx:
            visit = self._visit(tx, request, Form(), cookie, nonce)
            status = status_of(refused)
            page = Page(
                "error.html", status=status, message=refused.message, tracking_id=visit.origin.tracking_id
            )
            response = self._rendered(visit, page)
        response.headers.update(headers_of(refused))
        return response

    def _rendered(self, visit: Visit, page: Page) -> Response:
        html = render(self._environment, page.template, self._context(visit, page) | page.context)
        return HTMLResponse(html, page.status, page_headers(page.kind, visit.nonce) | page.headers)

    def _context(self, visit: Visit, page: Page) -> dict[str, Any]:
        """What every page has; documented at the top of `layout.html`."""
        account = visit.session.account if visit.session else None
        return {
            "brand": self._deployment.settings.brand,
            "viewer": _viewer(account) if account else None,
            "area": page.area,
            "areas": areas_for(account, self._deployment.settings),
            "here": page.here,
            "nav": nav_for(visit, page.area),
            "csrf_token": visit.csrf_token,
            "nonce": visit.nonce,
            "theme": visit.session.theme if visit.session else "",
            "lang": "en",
            "dir": "ltr",
            "notices": [("ok", text, "") for text in visit.take_notices()],
            "path": local_path(visit.path),
            "status": page.status,
            "now": visit.tx.now,
            "sandbox_until": find_end(visit.tx, account.organization_id)
            if account and page.area == "hub"
            else None,
        }


class _Cookie:
    """The cookie that binds a browser: a session's secret, or a random value before anybody signed in."""

    def __init__(self, deployment: Deployment, request: Request, *, is_foreign: bool = False) -> None:
        self._is_https = deployment.settings.is_https
        self.name = "__Host-appanage" if self._is_https else "appanage"
        self.is_foreign = is_foreign
        self.session_to_note: uuid.UUID | None = None  # its use is noted after the page
        given = "" if is_foreign else request.cookies.get(self.name, "")
        is_new = not (40 <= len(given) <= 100 and given.isascii())
        self.value = secrets.token_urlsafe(32) if is_new else given
        # A form of another site brings no cookie even where there is one, and a new one would sign the person out.
        self._is_given = is_new and request.method == "GET"

    def set_on(self, response: Response) -> Response:
        renewed = getattr(response, "session_cookie", None)
        if renewed is not None or self._is_given:
            value = self.value if renewed is None else renewed
            response.set_cookie(
                self.name, value, path="/", secure=self._is_https, httponly=True, samesite="lax"
            )
        return response


def renew_cookie(response: Response, value: str) -> Response:
    """The browser gets a new cookie with this response: at sign-in and sign-out (checklist SES-06)."""
    response.session_cookie = value  # type: ignore[attr-defined]
    return response


def fresh_cookie() -> str:
    return secrets.token_urlsafe(32)


def _viewer(account: Account) -> Mapping[str, Any]:
    return {
        "id": account.id,
        "display_name": account.display_name,
        "email": account.email,
        "initials": initials(account.display_name),
        "hue": hue(account.display_name),
        "organization_name": account.organization.name,
        "is_admin": account.is_administrator and not account.organization.is_free,
        "is_developer": True,
    }


def _require_own_form(visit: Visit, request: Request) -> None:
    """A form counts only if this site served it to this browser (checklist CONS-09, ASVS 3.5.1)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise _stale()
    if not hmac.compare_digest(visit.form.get("csrf").encode(), visit.csrf_token.encode()):
        raise _stale()


def _stale() -> NotPermitted:
    sentence = "This form is too old or comes from elsewhere, so nothing was changed. Go back, reload the page and send it again."
    return NotPermitted(sentence, code="stale_form")


async def _read_form(request: Request) -> Form:
    if request.method != "POST":
        return Form()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        return await _read_multipart(request)
    if media_type != FORM:
        raise NotAForm("This page takes forms only.")
    return await run_in_threadpool(_read_urlencoded, await request.body())


def _read_urlencoded(body: bytes) -> Form:
    if body.count(b"&") > MOST_FIELDS:
        raise Invalid(f"The form has more than {MOST_FIELDS} fields.")
    try:
        return Form(parse_lists(body))
    except OAuthError as cause:
        raise Invalid(cause.description) from cause


async def _read_multipart(request: Request) -> Form:
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    try:
        async with parts_of(request, most_files=4, most_fields=MOST_FIELDS) as parts:
            for name, value in parts:
                if isinstance(value, str):
                    fields.setdefault(_without_nul(name), []).append(_without_nul(value))
                else:
                    files[_without_nul(name)] = await value.read()
    except BrokenMultipart as cause:
        raise Invalid("The form cannot be read. Send it again.") from cause
    return Form(fields, {name: content for name, content in files.items() if content})


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise Invalid("A field contains a NUL character.")
    return text


def _next_query(path: str) -> str:
    return urlencode({"next": path})
