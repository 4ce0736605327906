"""Logos: a picture from outside is decoded and drawn anew, so that nothing but pixels is kept."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from appanage.kit.errors import Invalid

LARGEST = 256 * 1024
_LARGEST_SIDE = 2048
_SIDE = 512
_LARGEST_DRAWN = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG of at most 512 pixels a side; `digest` names its content in URLs."""

    content: bytes
    media_type: str = "image/png"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:16]


def read_logo(content: bytes) -> Logo:
    """Raises Invalid unless `content` is a PNG or JPEG of at most 256 KiB."""
    require_size(len(content))
    return Logo(_redrawn(content))


def require_size(size: int) -> None:
    """Raises Invalid for more bytes than are taken; before anybody reads them, if the size is known."""
    if size > LARGEST:
        raise refused(f"The logo has {size // 1024:,} KiB; at most {LARGEST // 1024} KiB are taken.")


def refused(sentence: str) -> Invalid:
    return Invalid(sentence, code="logo_refused", fields={"logo": sentence})


_UNREADABLE = (OSError, ValueError, SyntaxError, IndexError, struct.error, zlib.error)
"""What the decoder raises for pictures that are broken, beside its own errors for those that are built to hurt."""


def _redrawn(content: bytes) -> bytes:
    return redraw(content, side=_SIDE, largest_side=_LARGEST_SIDE, what="logo", refused=refused).content


@dataclass(frozen=True, slots=True)
class Drawn:
    """A PNG of nothing but pixels."""

    content: bytes
    width: int
    height: int


def redraw(
    content: bytes, *, side: int, largest_side: int, what: str, refused: Callable[[str], Invalid]
) -> Drawn:
    """Decodes a PNG or JPEG and draws it anew, at most `side` pixels a side. Raises what `refused` makes of a sentence.

    What nothing shines through is kept without transparency, which is smaller.
    """
    # Imported with the first picture: the decoder is another 2 MiB in every process.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as picture:
            if max(picture.size) > largest_side:  # known from the header, before anything is decoded
                raise refused(f"The {what} is larger than {largest_side} pixels a side.")
            drawn = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except (*_UNREADABLE, Image.DecompressionBombError, Image.DecompressionBombWarning) as cause:
        sentence = f"The {what} must be a PNG or JPEG picture; SVG is not taken, since it can carry programs."
        raise refused(sentence) from cause
    drawn.thumbnail((side, side))
    drawn.info.clear()  # colour profiles and texts may carry anything
    out = io.BytesIO()
    drawn.save(out, format="PNG", optimize=True)
    if out.tell() > _LARGEST_DRAWN:
        sentence = f"The {what} has {out.tell() // 1024:,} KiB when it is drawn anew; at most {_LARGEST_DRAWN // 1024:,} KiB are kept."
        raise refused(f"{sentence} Take one with fewer pixels or fewer details.")
    return Drawn(out.getvalue(), *drawn.size)
