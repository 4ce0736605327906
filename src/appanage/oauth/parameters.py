"""Parsing the parameters of a request: a repeated or malformed one ends here."""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from appanage.oauth.errors import InvalidRequest, UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"


def read_form(body: bytes, content_type: str) -> Mapping[str, str]:
    """The parameters of a form body (RFC 6749 appendix B)."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(f"Send the parameters as {FORM}.")
    return parse(body)


def parse(encoded: bytes) -> Mapping[str, str]:
    """Name and value of every parameter; one without a value counts as left out (RFC 6749 §3.1)."""
    found: dict[str, str] = {}
    for pair in encoded.split(b"&"):
        name_part, _, value_part = pair.partition(b"=")
        name = _decoded(name_part)
        if name in found:
            raise InvalidRequest(f"The parameter {_printable(name)} is repeated.")
        if name:
            found[name] = _decoded(value_part)
    return {name: value for name, value in found.items() if value}


def require(parameters: Mapping[str, str], name: str) -> str:
    if name not in parameters:
        raise InvalidRequest(f"The parameter {name} is missing.")
    return parameters[name]


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InvalidRequest("A parameter is not valid UTF-8.") from cause
    if "\0" in text:
        raise InvalidRequest("A parameter contains a NUL character.")
    return text


def _printable(name: str) -> str:
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else "of the request"
