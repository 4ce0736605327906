"""Pictures, and bodies of multipart/form-data as command-line clients send them."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

Parts = list[tuple[str, Any]]


def picture(form: str = "PNG", side: int = 40, *, height: int = 0) -> bytes:
    """A square one, unless its height is given."""
    out = io.BytesIO()
    Image.new("RGB", (side, height or side), "teal").save(out, format=form)
    return out.getvalue()


def logo_file(content: bytes) -> dict[str, Any]:
    """What the form of a page sends for a logo."""
    return {"logo": ("logo.png", content, "image/png")}


def parts(fields: Mapping[str, Any], *, logo: bytes | None = None) -> Parts:
    """One part for each text, several for a list; the logo as a file."""
    texts: Parts = [
        (name, (None, text))
        for name, value in fields.items()
        for text in (value if isinstance(value, list) else [value])
    ]
    return texts if logo is None else [*texts, *logo_file(logo).items()]
