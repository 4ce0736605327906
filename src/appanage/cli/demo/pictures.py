"""Logos and screenshots for the apps of the demonstration, drawn here, so that nothing has to be shipped."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from PIL import Image

_COLOURS = ("#2f5bd0", "#0f766e", "#b4460f", "#7a3ea8", "#a3264f", "#3f6212")
_PAPER, _INK, _FAINT = "#f7f7f5", "#22252b", "#d9dbdf"
_SIDE = 256
_WIDTH, _HEIGHT = 1280, 720


def logo(name: str) -> bytes:
    """The initials of an app on its colour, as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (_SIDE, _SIDE), _colour(name))
    initials = "".join(word[0] for word in name.split()[:2])
    font = ImageFont.load_default(size=120)
    middle = (_SIDE / 2, _SIDE / 2)
    ImageDraw.Draw(picture).text(middle, initials, fill="#ffffff", font=font, anchor="mm")
    return _png(picture)


def screenshot(name: str, lines: Sequence[str]) -> bytes:
    """A window of an app: its name, a list, and bars whose lengths follow from the words."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, _WIDTH, 96), fill=_colour(name))
    draw.text((48, 48), name, fill="#ffffff", font=ImageFont.load_default(size=40), anchor="lm")
    for row, line in enumerate(lines):
        _draw_row(draw, ImageFont.load_default(size=26), line, top=150 + row * 110, colour=_colour(name))
    return _png(picture)


def _draw_row(draw: Any, font: Any, line: str, *, top: int, colour: str) -> None:
    share = 0.25 + crc32(line.encode()) % 70 / 100
    draw.text((48, top), line, fill=_INK, font=font, anchor="lm")
    draw.rounded_rectangle((48, top + 28, _WIDTH - 48, top + 52), radius=12, fill=_FAINT)
    draw.rounded_rectangle((48, top + 28, 48 + (_WIDTH - 96) * share, top + 52), radius=12, fill=colour)


def _colour(name: str) -> str:
    return _COLOURS[crc32(name.encode()) % len(_COLOURS)]


def _png(picture: "Image.Image") -> bytes:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()
