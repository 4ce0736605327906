"""One visit of a page: who looks, in which transaction, with which form."""

import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from appanage.deployment import Deployment
from appanage.directory.model import Account
from appanage.kit.errors import NotFound, Refusal
from appanage.kit.ids import PublicIds, parse_uuid
from appanage.kit.origin import Origin
from appanage.kit.paging import PageRequest
from appanage.kit.text import one_line
from appanage.signin import service as signin
from appanage.signin.model import BrowserSession
from appanage.storage import Transaction

ROWS = 25
_LONGEST_QUERY = 200


class SignInRequired(Refusal):
    """The page is for signed-in people; answered by the sign-in page, which leads back."""

    code = "sign_in_required"


@dataclass(slots=True)
class Form:
    """The fields of a posted form: each name with all its values, parsed strictly before anything is done."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        values = self.fields.get(name)
        return values[-1] if values else default

    def all(self, name: str) -> list[str]:
        return list(self.fields.get(name, ()))

    def has(self, name: str) -> bool:
        return name in self.fields


@dataclass(slots=True)
class Visit:
    """What a page handler is given. `cookie` is the value that the browser and its forms are bound to."""

    deployment: Deployment
    tx: Transaction
    origin: Origin
    method: str
    path: str
    parameters: Mapping[str, str]
    query: QueryParams
    raw_query: bytes
    form: Form
    cookie: str
    session: BrowserSession | None
    nonce: str

    @property
    def viewer(self) -> Account:
        """The person who is signed in; raises SignInRequired when nobody is."""
        if self.session is None:
            raise SignInRequired("Sign in to see this page.")
        return self.session.account

    @property
    def browser(self) -> BrowserSession:
        if self.session is None:
            raise SignInRequired("Sign in to see this page.")
        return self.session

    @property
    def ids(self) -> PublicIds:
        return self.deployment.ids

    @property
    def csrf_token(self) -> str:
        """Bound to the browser's cookie (checklist CONS-09): worthless in any other browser."""
        return hmac.new(self.deployment.secret_key, b"csrf\0" + self.cookie.encode(), sha256).hexdigest()

    def id(self, name: str = "id") -> uuid.UUID:
        """The UUID in the path; a path with anything else leads nowhere."""
        found = parse_uuid(self.parameters[name])
        if found is None:
            raise NotFound("This page does not exist.")
        return found

    def text(self, name: str) -> str:
        """A parameter of the query string, fit to search for."""
        return one_line(self.query.get(name, ""))[:_LONGEST_QUERY]

    def page_request(self, rows: int = ROWS) -> PageRequest:
        return PageRequest(rows, self.query.get("cursor") or None)

    def with_query(self, **changes: str | None) -> str:
        """This page's address with some parameters of its query changed."""
        kept = {name: value for name, value in self.query.items() if name not in changes}
        kept |= {name: value for name, value in changes.items() if value}
        query = str(QueryParams(kept))
        return f"{self.path}?{query}" if query else self.path

    def keep_secret(self, value: dict[str, Any]) -> uuid.UUID:
        """Keeps something for the page after the redirect, to be shown once."""
        return signin.keep_for_one_page(self.tx, self.browser, self.cookie, value)

    def take_secret(self, reveal_id: str) -> dict[str, Any] | None:
        found = parse_uuid(reveal_id)
        return signin.take_for_one_page(self.tx, self.browser, self.cookie, found) if found else None

    def tell(self, text: str) -> None:
        """A notice on the next page that this browser sees."""
        self.browser.notices = [*self.browser.notices, text]

    def take_notices(self) -> list[str]:
        if self.session is None or not self.session.notices:
            return []
        taken, self.session.notices = self.session.notices, []
        return list(taken)


def see_other(path: str) -> Response:
    """After a form: 303, so that the browser asks with GET (RFC 9700 §4.12)."""
    return RedirectResponse(path, 303)


def local_path(value: str, default: str = "/") -> str:
    """`value` if it is a path of this site, else `default`: nobody is sent elsewhere."""
    begins_here = value.startswith("/") and not value.startswith(("//", "/\\"))
    return value if begins_here and value.isascii() and value.isprintable() and "\\" not in value else default
