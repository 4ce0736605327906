"""A browser without JavaScript that is strict about every page it is given."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from httpx2 import Client, Response

from appanage.directory.model import Account
from support.world import PASSWORD

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
UNLABELLED_TYPES = {"hidden", "submit", "button"}


class Shown:
    """A page as it was answered, parsed strictly."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.status = response.status_code
        self.html = response.text
        parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True)
        self.root: Element = parser.parse(self.html)

    def all(self, tag: str) -> list[Element]:
        return list(self.root.iter(NAMESPACE + tag))

    @property
    def title(self) -> str:
        return text_of(self.all("title")[0])

    @property
    def heading(self) -> str:
        return text_of(self.all("h1")[0])

    @property
    def text(self) -> str:
        """Everything that can be read on the page, with single blanks."""
        return text_of(self.all("body")[0])

    def forms(self, action: str = "") -> list[Element]:
        return [form for form in self.all("form") if form.get("action", "").startswith(action)]

    def values(self, form: Element) -> dict[str, list[str]]:
        """What a browser would send for the form as it stands, without pressing any button."""
        found: dict[str, list[str]] = {}
        for control in form.iter():
            name, value = control.get("name"), _value(control)
            if name and value is not None and control.get("disabled") is None:
                found.setdefault(name, []).append(value)
        return found

    def links(self) -> list[str]:
        return [link.get("href", "") for link in self.all("a")]

    def check(self) -> None:
        """What every page must keep: one h1 that the title contains, labels, unique ids, actions, nonces."""
        assert len(self.all("h1")) == 1, "a page has one h1"
        heading = re.sub(r"\W+", " ", _leading_text(self.all("h1")[0])).strip().lower()
        title = re.sub(r"\W+", " ", self.title).lower()
        assert heading.rstrip("?") in title, f"the title {self.title!r} does not contain {heading!r}"
        ids = re.findall(r'\sid="([^"]*)"', self.html)
        assert len(ids) == len(set(ids)), (
            f"repeated ids: {sorted({one for one in ids if ids.count(one) > 1})}"
        )
        self._check_labels()
        for form in self.all("form"):
            if form.get("method", "get").lower() == "post":
                assert form.get("action"), "a posting form says where to"
                is_ours = form.get("action", "").startswith("/")
                assert ("csrf" in self.values(form)) == is_ours, f"the csrf field of {form.get('action')}"
        nonce = re.search(r"'nonce-([^']+)'", self.response.headers["content-security-policy"])
        for script in self.all("script"):
            assert script.get("src"), "no inline scripts"
            assert nonce, "a page with scripts names their nonce"
            assert script.get("nonce") == nonce[1], "every script carries the nonce"

    def _check_labels(self) -> None:
        labelled = {label.get("for") for label in self.all("label")}
        inside = {id(control) for label in self.all("label") for control in label.iter()}
        for tag in ("input", "select", "textarea"):
            for control in self.all(tag):
                if control.get("type") in UNLABELLED_TYPES:
                    continue
                named = control.get("id") in labelled or id(control) in inside or control.get("aria-label")
                assert named, f"the field {control.get('name')} has no label"


class Browser:
    """Keeps cookies, follows redirects, and sends a page's forms as a person would."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.page: Shown | None = None

    def get(self, path: str, status: int = 200) -> Shown:
        return self._show(self.client.get(path, headers={"accept": "text/html"}), status)

    def submit(
        self,
        action: str,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        status: int = 200,
        files: Any = None,
        without: Sequence[str] = (),
    ) -> Shown:
        """Sends the form of the present page whose action begins with `action`, with some values changed."""
        assert self.page is not None, "open a page first"
        forms = self.page.forms(action)
        assert forms, f"no form to {action} on {self.page.response.url}"
        data: dict[str, Any] = dict(self.page.values(forms[0])) | dict(values or {})
        sent = {name: value for name, value in data.items() if name not in without}
        return self.post(forms[0].get("action", ""), sent, status=status, files=files)

    def post(self, path: str, values: Mapping[str, Any], *, status: int = 200, files: Any = None) -> Shown:
        return self._show(self.client.post(path, data=dict(values), files=files), status)

    def sign_in(self, account: Account, password: str = PASSWORD) -> "Browser":
        self.get("/login")
        self.submit("/login", {"email": account.email, "password": password})
        return self

    def _show(self, response: Response, status: int) -> Shown:
        assert response.status_code == status, (
            f"{response.status_code} for {response.url}: {response.text[:600]}"
        )
        self.page = Shown(response)
        self.page.check()
        return self.page


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def rows_of(page: Shown) -> list[tuple[str, ...]]:
    """The texts of the cells of every row in every table; items of a list in a cell stand apart."""
    return [tuple(" ".join(" ".join(cell.itertext()).split()) for cell in row) for row in page.all("tr")]


def _leading_text(heading: Element) -> str:
    """The heading's own words, without the badges beside them."""
    return (heading.text or "").strip() or text_of(heading)


def _value(control: Element) -> str | None:
    tag, kind = control.tag.removeprefix(NAMESPACE), control.get("type", "text")
    if tag == "textarea":
        return control.text or ""
    if tag == "select":
        options = list(control.iter(NAMESPACE + "option"))
        chosen = next(
            (one for one in options if one.get("selected") is not None), options[0] if options else None
        )
        return None if chosen is None else chosen.get("value", chosen.text or "")
    if tag != "input" or kind in {"submit", "button", "file", "image", "reset"}:
        return None
    if kind in {"checkbox", "radio"}:
        return control.get("value", "on") if control.get("checked") is not None else None
    return control.get("value", "")
