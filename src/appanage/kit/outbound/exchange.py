"""One GET over a network that was judged, and what may come back."""

import re
from datetime import timedelta
from ssl import SSLContext

from httpcore2 import (
    URL,
    ConnectionPool,
    NetworkBackend,
    NetworkError,
    ProtocolError,
    Response,
    TimeoutException,
)

from appanage.kit.outbound.refusal import NotFetched
from appanage.kit.outbound.target import Target

_HEADERS = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
    ("User-Agent", "Appanage"),
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


def get(
    target: Target, network: NetworkBackend, ssl_context: SSLContext, *, largest: int, within: timedelta
) -> tuple[bytes, str]:
    """The content and its media type; `within` is the time that the network gives. Raises NotFetched."""
    try:
        return _get(target, network, ssl_context, largest)
    except (TimeoutError, TimeoutException) as cause:
        raise NotFetched(
            f"The host did not answer in full within {within.total_seconds():g} seconds."
        ) from cause
    except (NetworkError, ProtocolError) as cause:
        raise NotFetched(
            "The host broke off or did not speak HTTP; check the address and try again."
        ) from cause


def _get(target: Target, network: NetworkBackend, ssl_context: SSLContext, largest: int) -> tuple[bytes, str]:
    host, port = target.endpoint
    url = URL(scheme="https", host=host, port=port, target=target.path)
    with (
        ConnectionPool(ssl_context=ssl_context, network_backend=network) as pool,
        pool.stream("GET", url, headers=_HEADERS) as response,
    ):
        return _read(response, largest)


def _read(response: Response, largest: int) -> tuple[bytes, str]:
    _require_ok(response.status)
    if any(encoding.lower() != b"identity" for encoding in _values_of(b"content-encoding", response)):
        raise NotFetched("The address answers with compressed content; serve it without Content-Encoding.")
    if any(int(length) > largest for length in _values_of(b"content-length", response)):  # a number, says h11
        raise _too_large(largest)
    content_type = b"".join(_values_of(b"content-type", response)[:1])
    return _content(response, largest), _media_type(content_type.decode("latin-1"))


def _values_of(name: bytes, response: Response) -> list[bytes]:
    return [value for given, value in response.headers if given.lower() == name]


def _require_ok(status: int) -> None:
    if status in _REDIRECTS:
        raise NotFetched("The address answers with a redirect; give the final address.")
    if status != 200:
        raise NotFetched(f"The address answers with status {status}; it must answer with 200.")


def _content(response: Response, largest: int) -> bytes:
    content = bytearray()
    for part in response.iter_stream():
        content += part
        if len(content) > largest:
            raise _too_large(largest)
    return bytes(content)


def _media_type(content_type: str) -> str:
    named = content_type.partition(";")[0].strip().lower()
    return named if _MEDIA_TYPE.fullmatch(named) else ""


def _too_large(largest: int) -> NotFetched:
    return NotFetched(
        f"The address answers with more than {largest:,} bytes, which are the most that are taken."
    )
