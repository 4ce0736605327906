"""Reading multipart/form-data (RFC 7578) strictly; files are spooled to disk by the parser."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

MULTIPART = "multipart/form-data"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")  # RFC 2046 §5.1.1

Part: TypeAlias = tuple[str, str | UploadFile]


class BrokenMultipart(Exception):
    """The body is no multipart/form-data in UTF-8, or has more parts than are taken."""


@asynccontextmanager
async def parts_of(request: Request, *, most_files: int, most_fields: int) -> AsyncIterator[Sequence[Part]]:
    """The parts in their order, names and texts in UTF-8; the files are gone when the block ends.

    Raises BrokenMultipart.
    """
    headers = _without_charset(request.headers["content-type"])
    parser = _Parser(headers, request.stream(), max_files=most_files, max_fields=most_fields)
    try:
        posted = await parser.parse()
    except MultiPartException as cause:
        raise BrokenMultipart from cause
    try:
        yield [(_text(name), _value(value)) for name, value in posted.multi_items()]
    finally:
        await posted.close()


class _Parser(MultiPartParser):
    """Refuses a body that breaks off: its last part would be missing without a word."""

    has_ended = False

    def on_end(self) -> None:
        self.has_ended = True

    async def parse(self) -> FormData:
        posted = await super().parse()
        if not self.has_ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise BrokenMultipart
        return posted


def _without_charset(content_type: str) -> Headers:
    """Has the parser keep every byte as it is. A form has no charset but UTF-8 (RFC 7578 §5.1).

    With a declared one the parser would decode by any codec that a client names, and Punycode takes minutes for 1 MiB.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"").decode("latin-1")
    if not _BOUNDARY.fullmatch(boundary):
        raise BrokenMultipart
    return Headers({"content-type": f'{MULTIPART}; charset=latin-1; boundary="{boundary}"'})


def _value(kept: str | UploadFile) -> str | UploadFile:
    return _text(kept) if isinstance(kept, str) else kept


def _text(kept: str) -> str:
    """The text of bytes that were kept as Latin-1."""
    try:
        return kept.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as cause:
        raise BrokenMultipart from cause
