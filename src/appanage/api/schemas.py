"""The types that every body and query is made of."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

from appanage.api.call import Call
from appanage.api.routing import TransactionalRoute, sealed_cursor
from appanage.kit.paging import Page, PageRequest
from appanage.kit.text import has_control_characters

T = TypeVar("T")


def _readable(text: str) -> str:
    if has_control_characters(text, allow="\t\r\n"):
        message = "contains control characters"
        raise ValueError(message)
    return text


def _on_one_line(text: str) -> str:
    if has_control_characters(text):
        message = "contains control characters or line breaks"
        raise ValueError(message)
    return text


def _not_empty(text: str) -> str:
    if not text:
        message = "cannot be empty"
        raise ValueError(message)
    return text


def _in_utc(value: datetime) -> datetime:
    """A time without an offset is UTC."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as cause:
        message = "is outside the calendar"
        raise ValueError(message) from cause


def format_time(value: datetime) -> str:
    """`2026-01-05T10:00:00.000Z`: clients insist on the fraction and the Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_readable)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), AfterValidator(_on_one_line)]
Name = Annotated[Line, Field(max_length=256)]
FilledLine = Annotated[Line, AfterValidator(_not_empty)]
Time = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(format_time, return_type=str)]


class Body(BaseModel):
    """A JSON object with camel-case names. Unknown fields are ignored, wrong types are refused by name."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", strict=False)


class Items(Body, Generic[T]):
    """A list; what comes after it is in the Link header."""

    items: list[T]


class ErrorDetail(Body):
    description: str


class ErrorBody(Body):
    """Every refusal: one sentence, its details, and the id under which it is in the log."""

    message: str
    errors: list[ErrorDetail]
    tracking_id: str


def lowered_to(cap: int) -> AfterValidator:
    """A size above the cap is lowered without a word."""
    return AfterValidator(lambda size: min(size, cap))


class PageQuery(Body):
    """The query of a list that is paged by cursor."""

    size: Annotated[int, Field(alias="max", ge=1), lowered_to(1000)] = 100
    cursor: str | None = None

    @property
    def page(self) -> PageRequest:
        return PageRequest(self.size, self.cursor)


def new_router(tag: str) -> APIRouter:
    """A family's router: every endpoint in one transaction, fields without a value left out."""
    return APIRouter(route_class=TransactionalRoute, tags=[tag], responses=_REFUSALS)


def link_next(call: Call, response: Response, page: Page[Any], *, parameter: str = "cursor") -> None:
    """Adds `Link: <…>; rel="next"` with a cursor that holds the whole query (RFC 8288)."""
    if page.next_cursor:
        cursor = sealed_cursor(call.request, parameter, page.next_cursor)
        set_link(call, response, f"{parameter}={cursor}")


def set_link(call: Call, response: Response, query: str) -> None:
    path = call.request.url.path
    response.headers["Link"] = f'<{call.deployment.settings.base_url}{path}?{query}>; rel="next"'


def _refused(description: str) -> dict[str, Any]:
    """An answer with the error body, by reference: FastAPI builds a validator for each model of each answer of each route."""
    body = {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}
    return {"description": description, "content": {"application/json": body}}


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _refused("Something in the request is wrong; the field is named."),
    401: _refused("No token, or not a valid one."),
    403: _refused("A scope or a role is missing; it is named."),
    404: _refused("There is no such thing, or it is another organization's."),
    429: _refused("Too many requests; Retry-After says how long to wait."),
    "default": _refused("Any other refusal."),
}
