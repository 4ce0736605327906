"""The types that every body is made of."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from appanage.api.call import TransactionalRoute
from appanage.kit.paging import Page

T = TypeVar("T")


def _without_control_characters(text: str) -> str:
    if any(ord(char) < 32 and char not in "\t\r\n" for char in text):
        message = "contains control characters"
        raise ValueError(message)
    return text


def format_time(value: datetime) -> str:
    """`2026-01-05T10:00:00.000Z`: clients insist on the fraction and the Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def _in_utc(value: datetime) -> datetime:
    """A time without an offset is UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Text = Annotated[str, AfterValidator(_without_control_characters)]
Time = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(format_time, return_type=str)]


class Body(BaseModel):
    """A JSON object with camel-case names. Unknown fields are ignored, wrong types are refused by name."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", strict=False)


class Items(Body, Generic[T]):
    """A list; what comes after it is in the Link header."""

    items: list[T]


def new_router() -> APIRouter:
    """A family's router: every endpoint in one transaction, fields without a value left out."""
    return APIRouter(route_class=TransactionalRoute)


def link_next(request: Request, response: Response, page: Page[Any], base_url: str) -> None:
    """Adds `Link: <…>; rel="next"` with this request's own parameters and the cursor (RFC 8288)."""
    if page.next_cursor:
        url = request.url.include_query_params(cursor=page.next_cursor)
        response.headers["Link"] = f'<{base_url}{url.path}?{url.query}>; rel="next"'
