"""What differs between two versions, in words for the reviewer's side-by-side view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES

_LABELS: Mapping[str, str] = {
    "name": "Name",
    "companyName": "Company",
    "logo": "Logo",
    "redirectUrls": "Redirect URLs",
    "signOutUrls": "Sign-out URLs",
    "scopes": "Scopes",
    "optionalScopes": "Optional scopes",
    "scopeReasons": "Reasons for scopes",
    "clientProof": "Client type",
    "owners": "Owners",
    "tagline": "Tagline",
    "description": "Description",
    "categories": "Categories",
    "tags": "Tags",
    "industry": "Industry",
    "languages": "Languages",
    "videoUrl": "Video",
    "landingUrl": "Landing page",
    "supportUrl": "Support page",
    "privacyUrl": "Privacy page",
    "contactEmail": "Contact e-mail",
    "testInstructions": "Test instructions",
    "testOrganizationId": "Organization to test it in",
    "screenshots": "Screenshots",
}
_VOCABULARY: Mapping[str, Mapping[str, str]] = {
    "categories": CATEGORIES,
    "industry": INDUSTRIES,
    "languages": LANGUAGES,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a value; `mark` is "added", "removed" or nothing."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs, line by line as it was and as it is now."""

    label: str
    before: Sequence[Line]
    after: Sequence[Line]


def differences_of(changed: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> list[Difference]:
    """`changed` is `{field: {"before": …, "after": …}}`; `names` are those of accounts."""
    return [_difference(field, two["before"], two["after"], names) for field, two in changed.items()]


def _difference(field: str, before: Any, after: Any, names: Mapping[str, str]) -> Difference:
    then, now = _lines(field, before, names), _lines(field, after, names)
    return Difference(
        _LABELS.get(field, field),
        [Line(line, "" if line in now else "removed") for line in then],
        [Line(line, "" if line in then else "added") for line in now],
    )


def _lines(field: str, value: Any, names: Mapping[str, str]) -> list[str]:
    if not value:
        return []
    if isinstance(value, dict):
        return [f"{key}: {said}" for key, said in value.items() if said]
    known = {**_VOCABULARY.get(field, {}), **names}
    those = value if isinstance(value, list) else str(value).splitlines()
    return [known.get(one, one) for one in those if one.strip()]
