"""Versions of listed apps: what was reviewed stays as it is until what its developers changed is reviewed too (REG-13).

What takes away takes effect at once: a scope, a URL or an owner that is removed is gone from the live app (CONS-04). What
adds or replaces waits in `App.proposed`, which holds the fields that differ from the live app and nothing else.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from appanage.apps import bots, credentials, queries
from appanage.apps.drafts import AppDraft, draft_of
from appanage.apps.logos import Logo
from appanage.apps.model import App, AppLogo, AppOwner, ClientProof, ProposedLogo
from appanage.apps.records import record
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events.service import changes
from appanage.kit.errors import Conflict
from appanage.storage import Transaction

Facts = Mapping[str, Any]
"""What is reviewed of an app, as JSON: `name`, `companyName`, `logo` (`{"url", "digest"}` or null), `redirectUrls`,
`signOutUrls`, `scopes`, `optionalScopes`, `scopeReasons`, `clientProof` and `owners` (ids of accounts)."""

_NOTHING: Facts = {}

PICTURES = 8
"""Proposed logos that are kept of an app: that of the version in review among them, unless many more came after it."""


def reviewed_facts(app: App) -> dict[str, Any]:
    """What is reviewed of an app, as it is live."""
    return _facts_of(draft_of(app)) | {"logo": _logo(app.logo_url, app.logo_digest), "owners": _owners(app)}


def proposed_facts(app: App) -> dict[str, Any]:
    """The same with what its developers changed: what a version is that is handed in now."""
    return reviewed_facts(app) | dict(app.proposed or _NOTHING)


def facts_differ(before: Facts, after: Facts) -> dict[str, dict[str, Any]]:
    """What differs between two versions, as `{field: {"before": …, "after": …}}`; a field that one lacks is null there."""
    return changes(dict.fromkeys(after) | dict(before), dict.fromkeys(before) | dict(after))


def wanted(app: App) -> AppDraft:
    """What its developers say about an app now, whether that is live or waits for a review."""
    proposed = app.proposed or _NOTHING
    draft = replace(
        draft_of(app), **{REVIEWED[name]: proposed[name] for name in proposed if name in REVIEWED}
    )
    logo = wanted_logo(app)
    return replace(
        draft, client_proof=ClientProof(draft.client_proof), logo_url=logo["url"] if logo else None
    )


def wanted_logo(app: App) -> Mapping[str, str | None] | None:
    """Address and digest of the logo that its developers want for an app; None for no logo."""
    proposed = app.proposed or _NOTHING
    logo: Mapping[str, str | None] | None = proposed.get("logo", _logo(app.logo_url, app.logo_digest))
    return logo


def at_once(app: App, draft: AppDraft) -> AppDraft:
    """The part of a draft that a listed app takes on at once: what takes away, and what nobody reviews.

    An Integration keeps its last redirect URL until the ones that replace it are approved: it cannot be without any.
    """
    live = draft_of(app)
    scopes = _kept(live.scopes, draft.scopes)
    return replace(
        draft,
        name=live.name,
        company_name=live.company_name,
        logo_url=live.logo_url,
        client_proof=live.client_proof,
        redirect_urls=_kept(live.redirect_urls, draft.redirect_urls) or live.redirect_urls,
        sign_out_urls=_kept(live.sign_out_urls, draft.sign_out_urls),
        scopes=scopes,
        optional_scopes=_kept(live.optional_scopes, scopes),
        scope_reasons=_of(live.scope_reasons, scopes),
    )


def propose_draft(tx: Transaction, app: App, draft: AppDraft, *, by: Account) -> None:
    """Keeps what a draft says beyond the live app until it is reviewed."""
    facts = _facts_of(draft)
    if draft.logo_url != wanted(app).logo_url:
        back = draft.logo_url == app.logo_url
        facts["logo"] = _logo(draft.logo_url, app.logo_digest if back else None)
    propose(tx, app, facts, by=by)


def propose(tx: Transaction, app: App, facts: Facts, *, by: Account) -> None:
    """Keeps facts until they are reviewed, beside those that wait already; what is live again waits no more."""
    live = reviewed_facts(app)
    before = dict(app.proposed or _NOTHING)
    after = _beyond(live, before | dict(facts))
    if after == before:
        return
    app.proposed = after or None
    app.edition += 1
    record(tx, "app.change_proposed", app, by=by, data=facts_differ(live | before, live | after))


def propose_logo(tx: Transaction, app: App, logo: Logo | None, *, by: Account, source: str | None) -> None:
    """Keeps a logo until it is reviewed, or that there shall be none."""
    if logo is not None:
        _keep_picture(tx, app, logo)
    propose(tx, app, {"logo": _logo(source, logo.digest if logo else None)}, by=by)


def _keep_picture(tx: Transaction, app: App, logo: Logo) -> None:
    """Keeps the picture of a proposed logo, as the newest, and lets go of the oldest ones."""
    kept = queries.find_proposed_logo(tx, app, logo.digest) or ProposedLogo(app_id=app.id, digest=logo.digest)
    kept.media_type, kept.content, kept.added_at = logo.media_type, logo.content, tx.now
    tx.add(kept)
    tx.flush()
    for older in queries.list_proposed_logos(tx, app)[PICTURES:]:
        tx.delete(older)


def discard(tx: Transaction, app: App, *, by: Account, names: Collection[str] | None = None) -> None:
    """Drops what is proposed, or only the facts of these names.

    A version that was handed in stays in review: that is withdrawn by itself.
    """
    live, proposed = reviewed_facts(app), dict(app.proposed or _NOTHING)
    kept = {name: value for name, value in proposed.items() if names is not None and name not in names}
    if kept == proposed:
        return
    app.proposed = kept or None
    app.edition += 1
    if "clientProof" in proposed and "clientProof" not in kept:
        # A secret or key that was made for the other way is of no use now.
        credentials.end_other_proofs(tx, app)
    record(tx, "app.change_discarded", app, by=by, data=facts_differ(live | proposed, live | kept))


def apply(tx: Transaction, app: App, facts: Facts, *, by: Account) -> None:
    """Makes a version live that a reviewer approved; `app` is locked, `facts` are `proposed_facts` of when it was handed in.

    What was taken away since stays away, and what was proposed since still waits. Raises Conflict when the picture of
    the logo is not kept any more, and when the app would have nothing left to prove itself by.
    """
    _require_proof(tx, app, ClientProof(facts.get("clientProof", app.client_proof)))
    changed = _take(tx, app, facts)
    if changed:
        _count(tx, app)
    record(tx, "app.version_approved", app, by=by, data=changed)


def settle(tx: Transaction, app: App, *, by: Account) -> None:
    """Makes live what is proposed of an app that is listed no more: nobody is going to review it."""
    if app.proposed and not app.is_listed:
        changed = _take(tx, app, proposed_facts(app))
        _count(tx, app)
        record(tx, "app.updated", app, by=by, data=changed)


def _require_proof(tx: Transaction, app: App, approved: ClientProof) -> None:
    """Another way of proving ends what the present one rests on, so what takes its place must be there."""
    if approved == app.client_proof or credentials.has_proof(tx, app, approved):
        return
    what = "client secret" if approved is ClientProof.SECRET else "key"
    sentence = f"{app.name} has no {what} yet, by which this version proves itself. Its developers must make the {what} first."
    raise Conflict(sentence, code="no_proof")


def _count(tx: Transaction, app: App) -> None:
    app.version += 1
    app.edition += 1
    app.modified_at = tx.now


def _take(tx: Transaction, app: App, facts: Facts) -> dict[str, dict[str, Any]]:
    before, proposed = reviewed_facts(app), dict(app.proposed or _NOTHING)
    had_proof = app.client_proof
    _put_owners(tx, app, facts, before | proposed)  # accounts are held before what the scopes are granted by
    _write(app, facts, before | proposed)
    _put_logo(tx, app, facts)
    proposed = _without_departed(app, facts, proposed)
    bots.rename_account(tx, app)
    if app.client_proof != had_proof:
        credentials.end_other_proofs(tx, app)
    live = reviewed_facts(app)
    app.proposed = _beyond(live, proposed) or None
    return facts_differ(before, live)


def _write(app: App, facts: Facts, asked: Facts) -> None:
    """The approved facts, without what is neither live nor asked for any more. What was refused by nobody stays."""
    scopes = _kept(facts.get("scopes", app.scopes), {*app.scopes, *asked["scopes"]})
    app.name = facts.get("name", app.name)
    app.company_name = facts.get("companyName", app.company_name)
    app.client_proof = facts.get("clientProof", app.client_proof)
    app.redirect_urls = _approved(facts, "redirectUrls", app.redirect_urls, asked) or app.redirect_urls
    app.sign_out_urls = _approved(facts, "signOutUrls", app.sign_out_urls, asked)
    app.scopes = scopes
    app.optional_scopes = _kept(facts.get("optionalScopes", app.optional_scopes), scopes)
    app.scope_reasons = _of(facts.get("scopeReasons", app.scope_reasons), scopes)


def _approved(facts: Facts, name: str, live: list[str], asked: Facts) -> list[str]:
    return _kept(facts.get(name, live), {*live, *asked[name]})


def _put_owners(tx: Transaction, app: App, facts: Facts, asked: Facts) -> None:
    """Whoever was removed since is gone already, and whoever adopted the app since stays.

    Those who hand it over leave only if somebody who can act remains.
    """
    approved, present, still = facts.get("owners", _owners(app)), _owners(app), set(asked["owners"])
    arriving = [one for one in approved if one not in present and one in still]
    leaving = [one for one in present if one not in approved and one not in still]
    staying = [one for one in present if one not in leaving] if leaving else []
    able = _able_to_own(tx, app, [*arriving, *staying])
    for person in able:
        if str(person.id) in arriving:
            tx.add(AppOwner(app_id=app.id, account_id=person.id, since=tx.now))
    if able:
        tx.query(AppOwner).filter(AppOwner.app_id == app.id, AppOwner.account_id.in_(leaving)).delete()
    tx.flush()
    tx.expire(app, ["owners"])


def _able_to_own(tx: Transaction, app: App, account_ids: Iterable[str]) -> list[Account]:
    """Those who are still there; held, so that they stay until this is done."""
    found = [directory.find_account_for_update(tx, uuid.UUID(one)) for one in sorted(account_ids)]
    return [one for one in found if one and one.is_active and one.organization_id == app.organization_id]


def _without_departed(app: App, facts: Facts, proposed: Facts) -> dict[str, Any]:
    """An owner who was approved but has left meanwhile waits no more."""
    if "owners" not in proposed:
        return dict(proposed)
    departed = set(facts.get("owners", ())) - set(_owners(app))
    return dict(proposed) | {"owners": [one for one in proposed["owners"] if one not in departed]}


def _put_logo(tx: Transaction, app: App, facts: Facts) -> None:
    live = _logo(app.logo_url, app.logo_digest)
    logo = facts.get("logo", live)
    if logo == live:
        return
    digest = logo["digest"] if logo else None
    picture = queries.find_proposed_logo(tx, app, digest) if digest else None
    if digest and picture is None:
        sentence = f"The logo that was handed in for {app.name} is not kept any more. Ask for it again."
        raise Conflict(sentence, code="logo_gone")
    tx.query(AppLogo).filter_by(app_id=app.id).delete()
    app.logo_url, app.logo_digest = logo["url"] if logo else None, digest
    if picture is not None:
        tx.add(AppLogo(app_id=app.id, media_type=picture.media_type, content=picture.content))


def _facts_of(draft: AppDraft) -> dict[str, Any]:
    """What a draft says that is reviewed; its logo apart, of which it knows only the address."""
    return {
        "name": draft.name,
        "companyName": draft.company_name,
        "redirectUrls": list(draft.redirect_urls),
        "signOutUrls": list(draft.sign_out_urls),
        "scopes": sorted(draft.scopes),
        "optionalScopes": sorted(draft.optional_scopes),
        "scopeReasons": dict(draft.scope_reasons),
        "clientProof": draft.client_proof.value,
    }


REVIEWED: Mapping[str, str] = {
    "name": "name",
    "companyName": "company_name",
    "redirectUrls": "redirect_urls",
    "signOutUrls": "sign_out_urls",
    "scopes": "scopes",
    "optionalScopes": "optional_scopes",
    "scopeReasons": "scope_reasons",
    "clientProof": "client_proof",
}
"""The facts by the names that a draft has for them."""


def _logo(url: str | None, digest: str | None) -> dict[str, str | None] | None:
    return {"url": url, "digest": digest} if url or digest else None


def _owners(app: App) -> list[str]:
    return [str(one.account_id) for one in app.owners]


def _beyond(live: Facts, facts: Facts) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value != live[name]}


def _kept(those: Iterable[str], among: Iterable[str]) -> list[str]:
    present = set(among)
    return [one for one in those if one in present]


def _of(reasons: Mapping[str, str], scopes: Iterable[str]) -> dict[str, str]:
    return {name: reasons[name] for name in scopes if name in reasons}
