"""A person's own personal access tokens: making one, which is shown once, and ending it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps.scopes import OPENID_SCOPES, Scope, families
from appanage.authorizations import personal_tokens
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.secrets import Secret
from appanage.kit.spans import span
from appanage.kit.text import count_of
from appanage.signin import service as signin
from appanage.web.pages import Page, Pages
from appanage.web.portal.picker import Choice, Group
from appanage.web.visit import Form, SignInRequired, Visit, see_other

LIST = "/account/tokens"
_HOURS = (1, 2, 4, 8, 12)
_ALL, _CHOSEN = "all", "chosen"


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route(LIST, index),
        pages.route(f"{LIST}/new", ask),
        pages.route(f"{LIST}/new", make, methods=["POST"]),
        pages.route(f"{LIST}/created", show_created),
        pages.route(LIST + "/{id}/revoke", confirm),
        pages.route(LIST + "/{id}/revoke", revoke, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What is asked for; `lifetime` is in seconds."""

    label: str = ""
    lifetime: str = ""
    power: str = _ALL
    scopes: frozenset[str] = frozenset()

    @classmethod
    def read(cls, form: Form) -> Self:
        return cls(form.get("label"), form.get("lifetime"), form.get("power"), frozenset(form.all("scope")))

    @property
    def wanted(self) -> frozenset[str] | None:
        return None if self.power == _ALL else self.scopes

    def problems(self, longest: timedelta) -> dict[str, str]:
        found = {}
        if self.lifetime not in dict(_lifetimes(longest)):
            found["lifetime"] = "Choose how long the token lives."
        if self.power not in {_ALL, _CHOSEN}:
            found["power"] = "Choose what the token may do."
        if self.power == _ALL and self.scopes:
            # Whoever ticked scopes may believe that they limit the token.
            found["power"] = (
                "Scopes are chosen below, but they count only with “Only what I choose”. Choose that, or untick them."
            )
        return found


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token on its way to the one page that shows it."""

    value: str
    expires_at: datetime


def index(visit: Visit) -> Page:
    return _page("index", tokens=personal_tokens.list_live(visit.tx, visit.viewer))


def ask(visit: Visit) -> Page:
    return _form_page(visit, TokenForm(lifetime=_lifetimes(longest_life(visit))[-1][0]))


def make(visit: Visit) -> Response | Page:
    form = TokenForm.read(visit.form)
    problems = form.problems(longest_life(visit))
    if problems:
        return _form_page(visit, form, problems, status=422)
    lifetime = timedelta(seconds=int(form.lifetime))
    try:
        address = make_token(visit, lifetime=lifetime, scopes=form.wanted, label=form.label, shown_at=LIST)
    except Invalid as invalid:
        return _form_page(visit, form, invalid.fields, status=422)
    except Conflict as conflict:
        return _form_page(visit, form, {"": conflict.message}, status=409)
    return see_other(address)


def show_created(visit: Visit) -> Page:
    """The token, once; a reload says that it was shown."""
    if visit.session is None:
        raise SignInRequired("Sign in to see this page.")
    base_url = visit.deployment.settings.base_url
    return _page("created", kind="secret", token=taken_token(visit), base_url=base_url)


def confirm(visit: Visit) -> Page:
    return _page("revoke", token=personal_tokens.get(visit.tx, visit.viewer, visit.id()))


def revoke(visit: Visit) -> Response:
    token = personal_tokens.get(visit.tx, visit.viewer, visit.id())
    personal_tokens.revoke(visit.tx, token, by=visit.viewer.as_actor())
    visit.tell(f"The token that ends in {token.last_four} is revoked. It does not work any more.")
    return see_other(LIST)


def longest_life(visit: Visit) -> timedelta:
    return visit.deployment.settings.lifetimes.personal_token


def make_token(
    visit: Visit,
    *,
    lifetime: timedelta,
    label: str,
    shown_at: str,
    scopes: Collection[str] | None = None,
) -> str:
    """Makes a token for the viewer; the address below `shown_at` of the page that shows it. Raises as the service does."""
    secret: Secret = personal_tokens.create(
        visit.tx,
        visit.viewer,
        by=visit.viewer.as_actor(),
        lifetime=lifetime,
        longest=longest_life(visit),
        scopes=scopes,
        label=label,
    )
    if signin.is_over(visit.tx, visit.browser):  # by a change of password, say, which waited for nobody
        raise SignInRequired("Sign in to see this page.")
    expires_at = visit.tx.now + lifetime
    shown = visit.keep_secret({"personal_token": secret.reveal(), "expires_at": expires_at.isoformat()})
    return f"{shown_at}/created?shown={shown}"


def taken_token(visit: Visit) -> MadeToken | None:
    """The token that was kept for this page, once; None afterwards."""
    kept = visit.take_secret(visit.text("shown")) or {}
    if "personal_token" not in kept:
        return None
    return MadeToken(str(kept["personal_token"]), datetime.fromisoformat(kept["expires_at"]))


def _form_page(
    visit: Visit, form: TokenForm, errors: Mapping[str, str] | None = None, *, status: int = 200
) -> Page:
    return _page(
        "new",
        status=status,
        form=form,
        errors=errors or {},
        lifetimes=_lifetimes(longest_life(visit)),
        longest=span(longest_life(visit)),
        longest_label=personal_tokens.LONGEST_LABEL,
        groups=_groups(visit, form.scopes),
    )


def _lifetimes(longest: timedelta) -> list[tuple[str, str]]:
    """What can be chosen, the longest last: seconds and words."""
    shorter = [timedelta(hours=hours) for hours in _HOURS if timedelta(hours=hours) < longest]
    return [(str(int(one.total_seconds())), span(one)) for one in [*shorter, longest]]


def _groups(visit: Visit, chosen: Collection[str]) -> list[Group]:
    """The scopes that the viewer's roles can carry. Those of a sign-in are of no use here: nobody signs in by such a token."""
    usable = personal_tokens.scopes_within_reach(visit.viewer) - OPENID_SCOPES
    found = [(one.heading, [scope for scope in one.scopes if scope.name in usable]) for one in families()]
    return [_group(heading, scopes, chosen) for heading, scopes in found if scopes]


def _group(heading: str, scopes: list[Scope], chosen: Collection[str]) -> Group:
    choices = [_choice(scope, on=scope.name in chosen) for scope in scopes]
    return Group(heading, count_of(len(scopes), "scope", "scopes"), choices)


def _choice(scope: Scope, *, on: bool) -> Choice:
    """Beside a risky scope stands the worst that can come of it."""
    return Choice(scope.name, scope.title, scope.risk.value, scope.consequence, on, off="", why="")


def _page(name: str, **context: Any) -> Page:
    return Page(f"account/tokens/{name}.html", area="account", here="tokens", address=LIST, **context)
