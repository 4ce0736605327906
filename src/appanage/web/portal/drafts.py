"""An app's draft as forms carry it: fields that are read back and shown again, with what is wrong about them."""

from dataclasses import replace

from appanage.apps import drafts as app_drafts
from appanage.apps.drafts import AppDraft
from appanage.apps.model import ClientProof
from appanage.kit.errors import Invalid
from appanage.web.visit import Form

REASON = "why:"


def read_about(form: Form, draft: AppDraft) -> AppDraft:
    """The draft with what the form says about the app; the rest stays as it is."""
    return replace(
        draft,
        name=form.get("name"),
        description=form.get("description").replace("\r\n", "\n"),  # browsers send lines so
        contact_email=form.get("contactEmail"),
        company_name=form.get("companyName"),
        support_url=form.get("supportUrl"),
        privacy_url=form.get("privacyUrl"),
    )


def read_urls(form: Form, name: str) -> list[str]:
    """One URL a line."""
    return [line.strip() for line in form.get(name).splitlines() if line.strip()]


def read_address(form: Form, name: str, domain: str) -> str:
    """The address whose part before the @ is asked for; who typed all of it is understood as well."""
    typed = form.get(name).strip()
    return typed if "@" in typed or not typed else f"{typed}@{domain}"


def read_proof(form: Form) -> ClientProof:
    """Raises Invalid for anything that the form does not offer."""
    try:
        return ClientProof(form.get("clientProof"))
    except ValueError as cause:
        sentence = "Choose where the app runs and how it proves who it is."
        raise Invalid(sentence, fields={"clientProof": sentence}) from cause


def read_scopes(form: Form) -> list[str]:
    return form.all("scope")


def read_optional(form: Form) -> list[str]:
    return form.all("optional")


def read_reasons(form: Form) -> dict[str, str]:
    return {
        name.removeprefix(REASON): form.get(name)
        for name in form.fields
        if name.startswith(REASON) and form.get(name).strip()
    }


def problems_of(draft: AppDraft) -> dict[str, str]:
    """One sentence for every field that is wrong."""
    try:
        app_drafts.require_valid(draft.tidy())
    except Invalid as invalid:
        return invalid.fields
    return {}


def differences(typed: AppDraft, saved: AppDraft) -> list[tuple[str, str]]:
    """What somebody else saved, where it differs from what was typed."""
    mine, theirs = _as_listed(typed.tidy()), _as_listed(saved.tidy())
    return [(label, theirs[label] or "Not given") for label in mine if mine[label] != theirs[label]]


def _as_listed(draft: AppDraft) -> dict[str, str]:
    return {
        "App name": draft.name,
        "Description": draft.description,
        "Contact e-mail": draft.contact_email,
        "Company": draft.company_name or "",
        "Support page": draft.support_url or "",
        "Privacy page": draft.privacy_url or "",
        "Redirect URLs": ", ".join(draft.redirect_urls),
        "Sign-out URLs": ", ".join(draft.sign_out_urls),
    }


def read_version(form: Form) -> int:
    """The version that the form was made from; 0, which no app has, when it is missing or no number."""
    given = form.get("version")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
