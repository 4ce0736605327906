"""Which of the own apps a list shows, and in which order (platform reference §3.4)."""

from typing import Literal

from sqlalchemy import ColumnElement, and_, not_, or_

from appanage.api.app_bodies import TYPES
from appanage.api.call import Call
from appanage.api.schemas import Line, PageQuery
from appanage.apps.queries import AppFilter, AppOrder
from appanage.authorizations.queries import is_authorized_in, is_requested
from appanage.kit.errors import Invalid
from appanage.kit.ids import Kind


class AppsQuery(PageQuery):
    """Which of the own apps; `appName` and `name` look for a part of the name, `botEmail` for a whole address.

    No app was handed in to an app store, featured, or given a category yet, so whoever asks for such apps finds none,
    and their orders are the usual one. `waitForCI` of the platform is accepted and changes nothing.
    """

    type: Literal["serviceApp", "authorizedAppIssuer", "integration", "bot"] | None = None
    name: Line | None = None
    app_name: Line | None = None
    created_by: Line | None = None
    bot_email: Line | None = None
    submission_status: (
        Literal["none", "submitted", "in_review", "changes_requested", "approved", "rejected", "withdrawn"]
        | None
    ) = None
    org_submission_status: Literal["none", "submitted", "approved"] | None = None
    category: Line | None = None
    tag: Line | None = None
    is_featured: bool | None = None
    is_native: bool | None = None
    org_id: Line | None = None
    order_by: Literal["name", "appName", "isFeatured", "lastSubmissionDate", "policy"] | None = None

    @property
    def finds_nothing(self) -> bool:
        """Whether something is asked for that no app has."""
        is_handed_in = self.submission_status not in {None, "none"}
        return is_handed_in or bool(self.category or self.tag or self.is_featured or self.is_native)


def filter_of(call: Call, query: AppsQuery) -> AppFilter:
    """Raises Invalid and NotFound for somebody else's apps."""
    _require_own(call, query.created_by)
    call.own_organization(query.org_id)
    return AppFilter(
        search=query.app_name or query.name or "",
        kind=TYPES[query.type] if query.type else None,
        bot_email=query.bot_email or "",
        also=_is_at_stage(call, query.org_submission_status),
        order=AppOrder.NAME if query.order_by in {"name", "appName"} else AppOrder.NEWEST,
    )


def _is_at_stage(call: Call, stage: str | None) -> ColumnElement[bool] | None:
    """How far an app has come in its own organization, as its body says it."""
    is_approved = is_authorized_in(call.organization.id)
    if stage == "submitted":
        return and_(is_requested(), not_(is_approved))
    if stage == "none":
        return not_(or_(is_requested(), is_approved))
    return is_approved if stage else None


def _require_own(call: Call, created_by: str | None) -> None:
    """Only the own apps can be listed."""
    own = {"me", str(call.account.id), call.ids.encode(Kind.PEOPLE, call.account.id)}
    if created_by and created_by not in own:
        sentence = "Only your own apps can be listed. Leave it out, or say me."
        raise Invalid(sentence, fields={"createdBy": sentence})
