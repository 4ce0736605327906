"""What waits for a review of a listed app: shown beside what is live, with the picture of its logo, and discarded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from appanage.apps import queries, versions
from appanage.apps.model import App, ClientProof
from appanage.kit.errors import Invalid, NotFound
from appanage.web.pages import Pages
from appanage.web.portal.kinds import PROOFS
from appanage.web.portal.logos import picture
from appanage.web.portal.sections import address, logo_of, owned_app
from appanage.web.visit import Visit, see_other

PARTS: Mapping[str, Sequence[str]] = {
    "about": ("name", "companyName"),
    "urls": ("redirectUrls", "signOutUrls"),
    "logo": ("logo",),
    "scopes": ("scopes", "optionalScopes", "scopeReasons"),
    "clientType": ("clientProof",),
    "owners": ("owners",),
}
"""What is shown and discarded together, by the names of facts."""

PAGES = {"scopes": "/scopes", "clientType": "/credentials", "owners": "/owners"}
"""Where a part is changed, if not under Settings."""

LABELS = {
    "name": "Name",
    "companyName": "Company",
    "redirectUrls": "Redirect URLs",
    "signOutUrls": "Sign-out URLs",
    "logo": "Logo",
    "scopes": "Scopes",
    "optionalScopes": "Optional scopes",
    "clientProof": "Client type",
    "owners": "Owners",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One line: what is live and what is proposed, as texts or as the address of a picture."""

    label: str
    live: Sequence[str]
    proposed: Sequence[str]
    live_logo: str | None = None
    proposed_logo: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    part: str
    changes: Sequence[Change]


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/portal/apps/{id}/proposal/discard", discard, methods=["POST"]),
        pages.route("/portal/apps/{id}/proposal/logo", show_logo),
    ]


def discard(visit: Visit) -> Response:
    """Drops one part of what is proposed."""
    app, part = owned_app(visit, for_update=True), visit.form.get("part")
    if part not in PARTS:
        raise Invalid("Say what to discard.", fields={"part": "Say what to discard."})
    versions.discard(visit.tx, app, by=visit.viewer, names=PARTS[part])
    visit.tell("The change is discarded. A version that you handed in stays in review until you withdraw it.")
    return see_other(f"{address(app)}{PAGES.get(part, '/settings')}")


def show_logo(visit: Visit) -> Response:
    """The picture of the logo that is proposed now, for the owners."""
    app = owned_app(visit)
    digest = _proposed_digest(app)
    found = queries.find_proposed_logo(visit.tx, app, digest) if digest else None
    if digest is None or found is None:
        raise NotFound(f"No logo of {app.name} waits for a review.")
    is_named = visit.text("v") == digest
    return picture(found, digest=digest, is_named=is_named)


def waiting(visit: Visit, app: App, part: str) -> Proposal | None:
    """What waits of one part, beside what is live; None when nothing does."""
    names = [name for name in PARTS[part] if name in (app.proposed or {})]
    if not names:
        return None
    live, proposed = versions.reviewed_facts(app), versions.proposed_facts(app)
    changes = [one for name in names for one in _changes(visit, app, name, live[name], proposed[name])]
    return Proposal(part, changes)


def told(app: App, before: Mapping[str, Any] | None, notice: str) -> str:
    """The notice about what was saved, and that some of it waits, if it does."""
    if not app.proposed or app.proposed == before:
        return notice
    return f"{notice} What must be reviewed is proposed: hand it in under Listing. Until then the listed app stays as it is."


def logo_address(app: App) -> str | None:
    """Where the owners see the picture that is proposed."""
    digest = _proposed_digest(app)
    return f"{address(app)}/proposal/logo?v={digest}" if digest else None


def _proposed_digest(app: App) -> str | None:
    logo = (app.proposed or {}).get("logo")
    return logo["digest"] if logo else None


def _changes(visit: Visit, app: App, name: str, live: Any, proposed: Any) -> Iterator[Change]:
    if name == "scopeReasons":
        yield from _reasons(live, proposed)
    elif name == "logo":
        yield Change(LABELS[name], _address_of(live), _address_of(proposed), logo_of(app), logo_address(app))
    elif name == "owners":
        names = _names(visit, app)
        yield Change(LABELS[name], _named(live, names), _named(proposed, names))
    elif name == "clientProof":
        yield Change(LABELS[name], [_proof(live)], [_proof(proposed)])
    else:
        yield Change(LABELS[name], _texts(live), _texts(proposed))


def _reasons(live: Mapping[str, str], proposed: Mapping[str, str]) -> Iterator[Change]:
    """One line for each scope for which another reason is given."""
    for scope in sorted({*live, *proposed}):
        if live.get(scope) != proposed.get(scope):
            yield Change(f"Reason for {scope}", _texts(live.get(scope)), _texts(proposed.get(scope)))


def _address_of(logo: Mapping[str, str | None] | None) -> Sequence[str]:
    """The address of a logo that was never fetched; a picture stands for itself."""
    return [logo["url"]] if logo and logo["url"] and not logo["digest"] else []


def _names(visit: Visit, app: App) -> Mapping[str, str]:
    owners = [one.account for one in queries.list_owners(visit.tx, app)]
    everybody = [*owners, *queries.list_waiting_owners(visit.tx, app)]
    return {str(one.id): one.display_name for one in everybody}


def _named(ids: Iterable[str], names: Mapping[str, str]) -> Sequence[str]:
    return sorted(names.get(one, one) for one in ids)


def _proof(name: str) -> str:
    return PROOFS[ClientProof(name)][0]


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value] if value else []
    return list(value or [])
