"""Parsing the parameters of a request: a repeated or malformed one ends here."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from appanage.oauth.errors import InvalidRequest, UnsupportedMediaType

MOST = 100
FORM = "application/x-www-form-urlencoded"


def read_form(body: bytes, content_type: str) -> Mapping[str, str]:
    """The parameters of a form body (RFC 6749 appendix B)."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(f"Send the parameters as {FORM}.")
    return parse(body)


def parse(encoded: bytes) -> Mapping[str, str]:
    """Name and value of every parameter; one without a value counts as left out (RFC 6749 §3.1)."""
    if encoded.count(b"&") > MOST:
        raise InvalidRequest(f"There are more than {MOST} parameters.")
    return each_once(parse_lists(encoded))


def each_once(found: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """The value of every parameter; raises InvalidRequest when one is repeated (RFC 6749 §3.1, checklist REG-04)."""
    for name, values in found.items():
        if len(values) > 1:
            raise InvalidRequest(f"The parameter {_printable(name)} is repeated.")
    return {name: values[0] for name, values in found.items() if values[0]}


def parse_lists(encoded: bytes) -> Mapping[str, list[str]]:
    """Every name with all its values, as a browser's form sends them."""
    text = _text(encoded)
    read = _unquoted if "%" in text or "+" in text else str
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name:
            found.setdefault(read(name), []).append(read(value))
    return found


def require(parameters: Mapping[str, str], name: str) -> str:
    if name not in parameters:
        raise InvalidRequest(f"The parameter {name} is missing.")
    return parameters[name]


def _unquoted(part: str) -> str:
    return _text(unquote_to_bytes(part.replace("+", " ")))


def _text(part: bytes) -> str:
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InvalidRequest("A parameter is not valid UTF-8.") from cause
    if "\0" in text:
        raise InvalidRequest("A parameter contains a NUL character.")
    return text


def _printable(name: str) -> str:
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else "of the request"
