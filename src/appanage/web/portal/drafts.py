"""An app's draft as forms carry it: fields that are read back and shown again, with what is wrong about them."""

from appanage.apps import service as apps
from appanage.apps.service import AppDraft
from appanage.kit.errors import Invalid
from appanage.web.visit import Form

REASON = "why:"


def read_about(form: Form) -> AppDraft:
    return AppDraft(
        name=form.get("name"),
        description=form.get("description").replace("\r\n", "\n"),  # browsers send lines so
        contact_email=form.get("contactEmail"),
        company_name=form.get("companyName"),
        support_url=form.get("supportUrl"),
        privacy_url=form.get("privacyUrl"),
    )


def read_scopes(form: Form) -> list[str]:
    return form.all("scope")


def read_reasons(form: Form) -> dict[str, str]:
    return {
        name.removeprefix(REASON): form.get(name)
        for name in form.fields
        if name.startswith(REASON) and form.get(name).strip()
    }


def problems_of(draft: AppDraft) -> dict[str, str]:
    """One sentence for every field that is wrong."""
    try:
        apps.require_valid(draft.tidy())
    except Invalid as invalid:
        return invalid.fields
    return {}


def read_version(form: Form) -> int:
    """The version that the form was made from; 0, which no app has, when it is missing or no number."""
    given = form.get("version")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
