"""What is checked before a person reviews: each finding is one sentence, and stops a submission or is for the reviewer.

The rules are pure; `examine` brings them what they need to know. Links are asked afterwards, outside of every
transaction (`apphub.links`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from appanage.apphub.content import Content
from appanage.apphub.lookalikes import skeleton, words
from appanage.apphub.model import Listing
from appanage.apps import scopes as catalogue
from appanage.apps.model import App, AppOwner
from appanage.apps.scopes import Risk
from appanage.directory.model import Account, OrganizationDomain
from appanage.storage import Transaction

_SHORTEST_BEGINNING = 5  # characters of a reserved word that other words may not begin with


class Severity(StrEnum):
    """What a finding does."""

    STOPS = "stops"
    FOR_REVIEWERS = "for_reviewers"


class Check(StrEnum):
    """What was checked."""

    NAME = "name"
    SCOPES = "scopes"
    CONTACT = "contact"
    LINKS = "links"


LINKS_WAIT = "The links have not been asked yet."


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence; `waits` while it is not known yet."""

    check: Check
    severity: Severity
    sentence: str
    waits: bool = False

    @property
    def stops(self) -> bool:
        return self.severity is Severity.STOPS

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check.value,
            "severity": self.severity.value,
            "sentence": self.sentence,
            "waits": self.waits,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Finding":
        return cls(Check(said["check"]), Severity(said["severity"]), said["sentence"], said["waits"])


def examine(tx: Transaction, app: App, content: Content, *, reserved: Collection[str]) -> Sequence[Finding]:
    """What there is to say about a version before it is handed in. `reserved` are words that names may not use."""
    name = content.app["name"]
    return [
        *_names(content, () if app.organization.is_operator else reserved),
        *look_alikes(tx, app, name),
        *unexplained(content.app["scopes"], content.app["scopeReasons"]),
        *unverified(content.listing.contact_email, is_verified=is_contact_verified(tx, app, content)),
        *(
            [Finding(Check.LINKS, Severity.FOR_REVIEWERS, LINKS_WAIT, waits=True)]
            if links_of(content)
            else []
        ),
    ]


def links_of(content: Content) -> Mapping[str, str]:
    """The addresses that a listing leads to, by what they are."""
    listing = content.listing
    links = {
        "landing page": listing.landing_url,
        "support page": listing.support_url,
        "privacy page": listing.privacy_url,
        "video": listing.video_url,
    }
    return {what: url for what, url in links.items() if url}


def _names(content: Content, reserved: Collection[str]) -> list[Finding]:
    return [
        *reserved_in("name", content.app["name"], reserved, Severity.STOPS),
        *reserved_in("company", content.app["companyName"] or "", reserved, Severity.FOR_REVIEWERS),
    ]


def reserved_in(what: str, text: str, reserved: Collection[str], severity: Severity) -> list[Finding]:
    """Words that would make people take the app for the platform's own (checklist REG-12)."""
    used = [word for word in dict.fromkeys(reserved) if _uses(text, word)]
    return [
        Finding(
            Check.NAME, severity, f"The {what} “{text}” uses “{word}”, or looks as if; that word is reserved."
        )
        for word in used
    ]


def _uses(text: str, reserved: str) -> bool:
    """As a word, or at the beginning of one, however it is spaced. Not inside of one: San Francisco is a city."""
    sought, found = skeleton(reserved), words(text)
    if not sought:
        return False
    begins = any("".join(found[start:]).startswith(sought) for start in range(len(found)))
    return sought in found or (begins and len(sought) >= _SHORTEST_BEGINNING)


def resembling(name: str, listed: Sequence[str]) -> list[Finding]:
    """Names of listed apps that look like this one. The same letters may be chance; other ones that look the same are none."""
    return [
        Finding(Check.NAME, Severity.FOR_REVIEWERS, f"Another listed app is called “{other}”.")
        if other.casefold() == name.casefold()
        else Finding(
            Check.NAME, Severity.STOPS, f"The name “{name}” looks like “{other}”, the name of a listed app."
        )
        for other in listed
    ]


def look_alikes(tx: Transaction, app: App, name: str) -> list[Finding]:
    """What `resembling` finds among the apps that are listed now. A deleted app has no name to protect any more."""
    return resembling(name, _listed_alike(tx, app, name))


def unexplained(scopes: Collection[str], reasons: Mapping[str, str]) -> list[Finding]:
    """Every scope needs a reason of its own; without one the risky ones stop."""
    return [
        Finding(
            Check.SCOPES,
            Severity.FOR_REVIEWERS if risk is Risk.LOW else Severity.STOPS,
            f"No reason is given for `{scope.name}` ({risk} risk).",
        )
        for risk, those in catalogue.by_risk(scopes).items()
        for scope in those
        if not reasons.get(scope.name)
    ]


def unverified(contact: str, *, is_verified: bool) -> list[Finding]:
    if is_verified or not contact:
        return []
    sentence = (
        f"Nobody has shown that {contact} is theirs: it is neither the address of an owner of the app nor in a verified "
        "domain of the organization."
    )
    return [Finding(Check.CONTACT, Severity.FOR_REVIEWERS, sentence)]


def is_contact_verified(tx: Transaction, app: App, content: Content) -> bool:
    """Whether the contact is the address of an owner who has signed in, or in a domain of the organization."""
    contact = content.listing.contact_email.lower()
    owners = (
        select(Account)
        .join(AppOwner, AppOwner.account_id == Account.id)
        .where(AppOwner.app_id == app.id, Account.deleted_at.is_(None))
    )
    if any(one.email.lower() == contact and not one.invite_pending for one in tx.scalars(owners)):
        return True
    domain = tx.get(OrganizationDomain, contact.rpartition("@")[2])
    return domain is not None and domain.organization_id == app.organization_id


def _listed_alike(tx: Transaction, app: App, name: str) -> Sequence[str]:
    """The names of other listed apps with the same skeleton, a handful at most."""
    alike = skeleton(name)
    query = select(Listing.name).join(App, App.id == Listing.app_id)
    query = query.where(Listing.skeleton == alike, Listing.skeleton != "", Listing.app_id != app.id)
    query = query.where(Listing.unlisted_at.is_(None), App.deleted_at.is_(None))
    return list(tx.scalars(query.order_by(Listing.name).limit(5)))
