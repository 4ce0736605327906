"""What a developer says about an app for the App Hub, what is wrong with it, and what is still missing."""

import re
import unicodedata
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from appanage.apphub.model import ListingDraft, ListingPicture
from appanage.apphub.vocabulary import CATEGORIES, INDUSTRIES, LANGUAGES
from appanage.apps.model import App
from appanage.apps.records import record
from appanage.apps.versions import Facts
from appanage.directory.model import Account, Organization
from appanage.kit.errors import Conflict, Invalid
from appanage.kit.text import has_control_characters
from appanage.storage import Transaction

LONGEST_TAGLINE = 80
LONGEST_DESCRIPTION = 10_000
LONGEST_INSTRUCTIONS = 4000
MOST_CATEGORIES = 3
MOST_TAGS = 8
_LONGEST_TAG = 30
_LONGEST_URL = 2000
_TAG = re.compile(r"[^\W_]+([ .+#-]{1,2}[^\W_]+)*[+#]{0,2}")


@dataclass(frozen=True, slots=True)
class ListingText:
    """The editable part of a listing but for its pictures. `categories`, `industry` and `languages` are keys of the
    vocabulary, `description` is Markdown, and a reviewer tries the app in the organization `test_organization_id`.
    """

    tagline: str = ""
    description: str = ""
    categories: Sequence[str] = ()
    tags: Sequence[str] = ()
    industry: str = ""
    languages: Sequence[str] = ()
    video_url: str | None = None
    landing_url: str | None = None
    test_instructions: str = ""
    test_organization_id: uuid.UUID | None = None

    def tidy(self) -> "ListingText":
        """Without surrounding blanks, repeated words, and capitals in tags; lists in the order of the vocabulary."""
        return replace(
            self,
            tagline=self.tagline.strip(),
            description=self.description.replace("\r\n", "\n").strip(),
            categories=_in_order(self.categories, CATEGORIES),
            tags=tuple(dict.fromkeys(tag for tag in map(tidy_tag, self.tags) if tag)),
            industry=self.industry.strip(),
            languages=_in_order(self.languages, LANGUAGES),
            video_url=(self.video_url or "").strip() or None,
            landing_url=(self.landing_url or "").strip() or None,
            test_instructions=self.test_instructions.replace("\r\n", "\n").strip(),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a listing needs before it can be handed in. `field` is where it is said."""

    field: str
    what: str
    is_there: bool


def text_of(draft: ListingDraft | None) -> ListingText:
    """What was saved so far, which may be nothing."""
    if draft is None:
        return ListingText()
    return ListingText(
        tagline=draft.tagline,
        description=draft.description,
        categories=tuple(draft.categories),
        tags=tuple(draft.tags),
        industry=draft.industry,
        languages=tuple(draft.languages),
        video_url=draft.video_url,
        landing_url=draft.landing_url,
        test_instructions=draft.test_instructions,
        test_organization_id=draft.test_organization_id,
    )


def save(
    tx: Transaction, app: App, text: ListingText, *, by: Account, version: int | None = None
) -> ListingDraft:
    """Keeps what is said, complete or not; the app is locked (`apps.service.get_to_change`).

    With `version` it refuses to overwrite what somebody else saved since; before the first time that is 0. Raises
    Invalid, naming every wrong field, and Conflict.
    """
    text = text.tidy()
    draft = tx.get(ListingDraft, app.id, populate_existing=True)
    if version is not None and version != (draft.version if draft else 0):
        sentence = f"The listing of {app.name} was changed by somebody else in the meantime. Look at the present values and save again."
        raise Conflict(sentence, code="changed_meanwhile")
    _require_valid(tx, text)
    before = text_of(draft)
    if draft is None:
        draft = ListingDraft(app_id=app.id, version=0, modified_at=tx.now)
        tx.add(draft)
    elif text == before:
        return draft
    _write(draft, text)
    draft.version += 1
    draft.modified_at = tx.now
    record(tx, "listing.drafted", app, by=by, data={"fields": _changed(before, text)})
    return draft


def missing(
    facts: Facts, app: App, text: ListingText, pictures: Collection[ListingPicture]
) -> Sequence[Item]:
    """All that a listing needs, and whether it is there. `facts` are those that would be handed in."""
    return (
        Item("tagline", "A tagline", bool(text.tagline)),
        Item("description", "A description", bool(text.description)),
        Item("categories", "One to three categories", bool(text.categories)),
        Item("industry", "An industry, or all of them", bool(text.industry)),
        Item("languages", "At least one language", bool(text.languages)),
        Item("screenshots", "At least one screenshot", bool(pictures)),
        Item("landingUrl", "A landing page", bool(text.landing_url)),
        Item("testInstructions", "How a reviewer can test the app", bool(text.test_instructions)),
        Item("logo", "A logo, under Settings", bool(facts["logo"])),
        Item("companyName", "The company, under Settings", bool(facts["companyName"])),
        Item("contactEmail", "A contact e-mail, under Settings", bool(app.contact_email)),
        Item("supportUrl", "A support page, under Settings", bool(app.support_url)),
        Item("privacyUrl", "A privacy page, under Settings", bool(app.privacy_url)),
    )


def https_problem(url: str | None, what: str) -> str:
    """A sentence about an address that is not https, or nothing."""
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if usable and len(url) <= _LONGEST_URL and not has_control_characters(url):
        return ""
    return f"The address of the {what} must be an https URL."


def _require_valid(tx: Transaction, text: ListingText) -> None:
    problems = {name: sentence for name, sentence in problems_of(text).items() if sentence}
    organization_id = text.test_organization_id
    if organization_id is not None and tx.get(Organization, organization_id) is None:
        problems["testOrganizationId"] = "There is no organization with this id."
    if problems:
        raise Invalid("The listing cannot be saved: " + " ".join(problems.values()), fields=problems)


def problems_of(text: ListingText) -> Mapping[str, str]:
    """A sentence, or nothing, for every field. What is missing is no problem yet."""
    return {
        "tagline": _line_problem(text.tagline, "tagline", LONGEST_TAGLINE),
        "description": _text_problem(text.description, "description", LONGEST_DESCRIPTION),
        "categories": _choice_problem(text.categories, CATEGORIES, "category")
        or _number_problem(text.categories, "categories", MOST_CATEGORIES),
        "tags": _number_problem(text.tags, "tags", MOST_TAGS) or _tags_problem(text.tags),
        "industry": _choice_problem([text.industry] if text.industry else [], INDUSTRIES, "industry"),
        "languages": _choice_problem(text.languages, LANGUAGES, "language"),
        "videoUrl": https_problem(text.video_url, "video"),
        "landingUrl": https_problem(text.landing_url, "landing page"),
        "testInstructions": _text_problem(
            text.test_instructions, "test instructions", LONGEST_INSTRUCTIONS, are="have"
        ),
    }


def _line_problem(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        return f"The {what} has {len(text)} characters; at most {longest} are possible."
    return f"The {what} contains characters that cannot be shown." if has_control_characters(text) else ""


def _text_problem(text: str, what: str, longest: int, *, are: str = "has") -> str:
    if len(text) > longest:
        return f"The {what} {are} {len(text):,} characters; at most {longest:,} are possible."
    bad = has_control_characters(text, allow="\n\t")
    return f"The {what} {are} characters that cannot be shown." if bad else ""


def _choice_problem(chosen: Collection[str], among: Mapping[str, str], what: str) -> str:
    unknown = [one for one in chosen if one not in among]
    return f"There is no {what} “{unknown[0][:40]}”." if unknown else ""


def _number_problem(chosen: Collection[str], what: str, most: int) -> str:
    return f"There are {len(chosen)} {what}; at most {most} are possible." if len(chosen) > most else ""


def _tags_problem(tags: Collection[str]) -> str:
    bad = [tag for tag in tags if len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag)]
    if not bad:
        return ""
    return f"The tag “{bad[0][:40]}” is not possible: a tag is a word or two, at most {_LONGEST_TAG} characters long."


def tidy_tag(tag: str) -> str:
    """A tag as it is kept, however it was typed."""
    return " ".join(unicodedata.normalize("NFKC", tag).casefold().split())


def _in_order(chosen: Collection[str], among: Mapping[str, str]) -> tuple[str, ...]:
    """Each once, in the order of the list; what is not on it is kept at the end, to be refused by name."""
    known = [one for one in among if one in chosen]
    return (*known, *(one for one in dict.fromkeys(chosen) if one not in among))


def _write(draft: ListingDraft, text: ListingText) -> None:
    draft.tagline = text.tagline
    draft.description = text.description
    draft.categories = list(text.categories)
    draft.tags = list(text.tags)
    draft.industry = text.industry
    draft.languages = list(text.languages)
    draft.video_url = text.video_url
    draft.landing_url = text.landing_url
    draft.test_instructions = text.test_instructions
    draft.test_organization_id = text.test_organization_id


def _changed(before: ListingText, after: ListingText) -> list[str]:
    """The fields that changed. Their texts are long, and not yet said in public; so the event only names them."""
    names = {
        "tagline": before.tagline != after.tagline,
        "description": before.description != after.description,
        "categories": before.categories != after.categories,
        "tags": before.tags != after.tags,
        "industry": before.industry != after.industry,
        "languages": before.languages != after.languages,
        "videoUrl": before.video_url != after.video_url,
        "landingUrl": before.landing_url != after.landing_url,
        "testInstructions": before.test_instructions != after.test_instructions,
        "testOrganizationId": before.test_organization_id != after.test_organization_id,
    }
    return [name for name, changed in names.items() if changed]
