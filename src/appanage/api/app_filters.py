"""Which of the own apps a list shows, and in which order (platform reference §3.4)."""

from typing import Literal

from sqlalchemy import ColumnElement, and_, not_, or_

from appanage.api.app_bodies import TYPES
from appanage.api.call import Call
from appanage.api.schemas import Line, PageQuery
from appanage.apphub.queries import has_status, is_listed_as
from appanage.apps.queries import AppFilter, AppOrder
from appanage.authorizations.queries import is_authorized_in, is_requested
from appanage.kit.errors import Invalid
from appanage.kit.ids import Kind


class AppsQuery(PageQuery):
    """Which of the own apps; `appName` and `name` look for a part of the name, `botEmail` for a whole address.

    `submissionStatus` is that of what was handed in last; `category`, `tag` and `isFeatured` are of apps that are listed.
    Of the platform's orders those by name are kept, the others are the usual one, the newest first. `waitForCI` is
    accepted and changes nothing.
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
        return bool(self.is_native)


def filter_of(call: Call, query: AppsQuery) -> AppFilter:
    """Raises Invalid and NotFound for somebody else's apps."""
    _require_own(call, query.created_by)
    call.own_organization(query.org_id)
    return AppFilter(
        search=query.app_name or query.name or "",
        kind=TYPES[query.type] if query.type else None,
        bot_email=query.bot_email or "",
        also=_also(call, query),
        order=AppOrder.NAME if query.order_by in {"name", "appName"} else AppOrder.NEWEST,
    )


def _also(call: Call, query: AppsQuery) -> ColumnElement[bool] | None:
    """What floors above know of apps, as far as it was asked for."""
    asked = [
        _is_at_stage(call, query.org_submission_status),
        has_status(query.submission_status) if query.submission_status else None,
        is_listed_as(category=query.category) if query.category else None,
        is_listed_as(tag=query.tag) if query.tag else None,
        is_listed_as(is_featured=query.is_featured) if query.is_featured is not None else None,
    ]
    conditions = [condition for condition in asked if condition is not None]
    return and_(*conditions) if conditions else None


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
