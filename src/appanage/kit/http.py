"""What every face answers alike: the status of a refusal, and the limits of a request."""

from math import ceil

from appanage.kit.errors import Conflict, Invalid, NotAForm, NotFound, NotPermitted, Refusal, TooMany

LARGEST_BODY = 1024 * 1024
LARGEST_UPLOAD = (
    8 * LARGEST_BODY
)  # so that a picture which is too large is refused in words about the picture

_LONGEST_LENGTH = 18  # digits that are read as a number

_STATUS: dict[type[Refusal], int] = {
    Invalid: 400,
    NotAForm: 415,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
}


def is_within(content_length: bytes, most: int) -> bool:
    """Whether this is the Content-Length of a body of at most so many bytes (RFC 9110 §8.6)."""
    digits = content_length.lstrip(b"0") or b"0"
    return content_length.isdigit() and len(digits) <= _LONGEST_LENGTH and int(digits) <= most


def media_type_of(content_type: str) -> str:
    """The media type of a Content-Type, in lower case and without parameters."""
    return content_type.partition(";")[0].strip().lower()


def status_of(refusal: Refusal) -> int:
    return next(_STATUS[kind] for kind in type(refusal).__mro__ if kind in _STATUS)


def headers_of(refusal: Refusal) -> dict[str, str]:
    if isinstance(refusal, TooMany):
        return {"Retry-After": str(max(1, ceil(refusal.retry_after.total_seconds())))}
    return {}
