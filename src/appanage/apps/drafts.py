"""What a developer says about an app, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from appanage.apps.model import App, AppKind, ClientProof
from appanage.apps.scopes import check_for_integration, check_for_service_app
from appanage.kit.addresses import is_email_address
from appanage.kit.errors import Invalid
from appanage.kit.text import has_control_characters
from appanage.oauth.redirects import registration_problem

_MOST_URLS = 20
_LONGEST_NAME = 80
_LONGEST_COMPANY = 200
_LONGEST_DESCRIPTION = 2000
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AppDraft:
    """What a developer says about an app; the editable part of it. `kind` stays what it was at registration."""

    name: str
    kind: AppKind = AppKind.SERVICE_APP
    description: str = ""
    contact_email: str = ""
    scopes: Sequence[str] = ()
    scope_reasons: Mapping[str, str] = field(default_factory=dict)
    optional_scopes: Sequence[str] = ()
    company_name: str | None = None
    support_url: str | None = None
    privacy_url: str | None = None
    logo_url: str | None = None
    redirect_urls: Sequence[str] = ()
    sign_out_urls: Sequence[str] = ()
    client_proof: ClientProof = ClientProof.SECRET
    bot_email: str = ""

    @property
    def is_bot(self) -> bool:
        return self.kind == AppKind.BOT

    @property
    def is_public(self) -> bool:
        return self.client_proof == ClientProof.NONE

    def tidy(self) -> "AppDraft":
        """Without surrounding blanks, repeated scopes, and reasons for scopes that are not asked for."""
        scopes = sorted(set(self.scopes))
        reasons = {
            name: self.scope_reasons[name].strip()
            for name in scopes
            if self.scope_reasons.get(name, "").strip()
        }
        return replace(
            self,
            name=self.name.strip(),
            description=self.description.strip(),
            contact_email=self.contact_email.strip(),
            scopes=scopes,
            scope_reasons=reasons,
            optional_scopes=sorted(set(self.optional_scopes) & set(scopes)),
            company_name=(self.company_name or "").strip() or None,
            support_url=(self.support_url or "").strip() or None,
            privacy_url=(self.privacy_url or "").strip() or None,
            logo_url=(self.logo_url or "").strip() or None,
            redirect_urls=_each_once(self.redirect_urls),
            sign_out_urls=_each_once(self.sign_out_urls),
            bot_email=self.bot_email.strip().lower(),
        )


def draft_of(app: App) -> AppDraft:
    return AppDraft(
        name=app.name,
        kind=AppKind(app.kind),
        description=app.description,
        contact_email=app.contact_email,
        scopes=app.scopes,
        scope_reasons=app.scope_reasons,
        optional_scopes=app.optional_scopes,
        company_name=app.company_name,
        support_url=app.support_url,
        privacy_url=app.privacy_url,
        logo_url=app.logo_url,
        redirect_urls=app.redirect_urls,
        sign_out_urls=app.sign_out_urls,
        client_proof=ClientProof(app.client_proof),
        bot_email=app.bot_email or "",
    )


def require_valid(draft: AppDraft, others: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raises Invalid with a sentence for every field that is wrong; `others` were found elsewhere."""
    found = _problems(draft) | dict(others)
    problems = {name: sentence for name, sentence in found.items() if sentence}
    if problems:
        raise Invalid("The app cannot be saved: " + " ".join(problems.values()), fields=problems)


def about_problems(draft: AppDraft) -> dict[str, str]:
    """What is wrong with everything but the scopes, which a wizard asks for later."""
    later = {"scopes", "scopeReasons"}
    return {name: text for name, text in _problems(draft.tidy()).items() if text and name not in later}


def write(app: App, draft: AppDraft) -> None:
    """Makes the app what the draft says."""
    app.name = draft.name
    app.description = draft.description
    app.contact_email = draft.contact_email
    app.scopes = list(draft.scopes)
    app.scope_reasons = dict(draft.scope_reasons)
    app.optional_scopes = list(draft.optional_scopes)
    app.company_name = draft.company_name
    app.support_url = draft.support_url
    app.privacy_url = draft.privacy_url
    app.logo_url = draft.logo_url
    app.redirect_urls = list(draft.redirect_urls)
    app.sign_out_urls = list(draft.sign_out_urls)
    app.client_proof = draft.client_proof.value
    app.bot_email = draft.bot_email or None


def facts(draft: AppDraft) -> dict[str, object]:
    """What a draft says, by the names that events use."""
    return {
        "name": draft.name,
        "description": draft.description,
        "contactEmail": draft.contact_email,
        "scopes": sorted(draft.scopes),
        "scopeReasons": dict(draft.scope_reasons),
        "optionalScopes": sorted(draft.optional_scopes),
        "companyName": draft.company_name,
        "supportUrl": draft.support_url,
        "privacyUrl": draft.privacy_url,
        "logo": draft.logo_url,
        "redirectUrls": list(draft.redirect_urls),
        "signOutUrls": list(draft.sign_out_urls),
        "clientProof": draft.client_proof.value,
        "botEmail": draft.bot_email,
    }


def _each_once(urls: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url.strip() for url in urls if url.strip()))


def _problems(draft: AppDraft) -> dict[str, str]:
    """A sentence, or nothing, for every field."""
    return _problems_of_all(draft) | {
        "scopes": _scopes_problem(draft),
        "optionalScopes": _optional_problem(draft),
        "redirectUrls": _redirects_problem(draft),
        "signOutUrls": _sign_out_problem(draft),
        "clientProof": _proof_problem(draft),
        "botEmail": "Only a bot has an address of its own." if draft.bot_email and not draft.is_bot else "",
    }


def _problems_of_all(draft: AppDraft) -> dict[str, str]:
    return {
        "name": _name_problem(draft.name),
        "description": _description_problem(draft.description),
        "contactEmail": _contact_problem(draft),
        "scopeReasons": _reasons_problem(draft.scope_reasons),
        "companyName": _company_problem(draft.company_name or ""),
        "supportUrl": _url_problem(draft.support_url, "support page"),
        "privacyUrl": _url_problem(draft.privacy_url, "privacy page"),
        "logo": _url_problem(draft.logo_url, "logo"),
    }


def _name_problem(name: str) -> str:
    if not name:
        return "Enter a name."
    if len(name) > _LONGEST_NAME:
        return f"The name has {len(name)} characters; at most {_LONGEST_NAME} are possible."
    return "The name contains characters that cannot be shown." if has_control_characters(name) else ""


def _company_problem(name: str) -> str:
    if len(name) > _LONGEST_COMPANY:
        return f"The company has {len(name)} characters; at most {_LONGEST_COMPANY} are possible."
    return "The company contains characters that cannot be shown." if has_control_characters(name) else ""


def _description_problem(description: str) -> str:
    if not description:
        return "Describe what the app does; administrators read this before they decide."
    if len(description) > _LONGEST_DESCRIPTION:
        return (
            f"The description has {len(description)} characters; at most {_LONGEST_DESCRIPTION} are possible."
        )
    bad = has_control_characters(description, allow="\r\n\t")
    return "The description contains characters that cannot be shown." if bad else ""


def _redirects_problem(draft: AppDraft) -> str:
    if draft.kind != AppKind.INTEGRATION:
        return "Only an Integration has redirect URLs." if draft.redirect_urls else ""
    if not draft.redirect_urls:
        return (
            "Enter at least one redirect URL: the address at which your app receives its authorization codes."
        )
    return _urls_problem(draft.redirect_urls, is_public=draft.is_public)


def _sign_out_problem(draft: AppDraft) -> str:
    if draft.kind != AppKind.INTEGRATION:
        return "Only an Integration has sign-out URLs." if draft.sign_out_urls else ""
    return _urls_problem(draft.sign_out_urls, is_public=draft.is_public)


def _urls_problem(urls: Sequence[str], *, is_public: bool) -> str:
    if len(urls) > _MOST_URLS:
        return f"There are {len(urls)} URLs; at most {_MOST_URLS} are possible."
    return next(filter(None, (registration_problem(url, is_public=is_public) for url in urls)), "")


def _proof_problem(draft: AppDraft) -> str:
    if draft.is_bot and draft.client_proof != ClientProof.SECRET:
        return "A bot is no client: its token is all that it proves itself by."
    wrong = draft.kind == AppKind.SERVICE_APP and draft.is_public
    return "A Service App is never a public client: choose a client secret or a key." if wrong else ""


def _scopes_problem(draft: AppDraft) -> str:
    if draft.is_bot:
        return "A bot has the scopes of every bot and registers none." if draft.scopes else ""
    check = check_for_integration if draft.kind == AppKind.INTEGRATION else check_for_service_app
    return " ".join(check(draft.scopes))


def _optional_problem(draft: AppDraft) -> str:
    """Who decides on an Integration is one person, who is asked for what the app needs at that moment."""
    wrong = draft.optional_scopes and draft.kind != AppKind.SERVICE_APP
    return "Only a Service App has optional scopes." if wrong else ""


def _contact_problem(draft: AppDraft) -> str:
    """Required of apps that administrators or people decide on; a bot has an address of its own."""
    address = draft.contact_email
    if not address:
        return "" if draft.is_bot else "Enter an address at which administrators reach you."
    return "" if is_email_address(address) else "The contact is not a valid e-mail address."


def _reasons_problem(reasons: Mapping[str, str]) -> str:
    too_long = [name for name, reason in reasons.items() if len(reason) > _LONGEST_REASON]
    return f"The reason for {too_long[0]} is longer than {_LONGEST_REASON} characters." if too_long else ""


def _url_problem(url: str | None, what: str) -> str:
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme == "https" and bool(parts.hostname) and parts.username is None and len(url) <= 2000
        )
    except ValueError:
        usable = False
    return (
        ""
        if usable and not has_control_characters(url)
        else f"The address of the {what} must be an https URL."
    )
