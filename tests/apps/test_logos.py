"""Pictures that are drawn anew: nothing but pixels is kept, and not too many bytes of them."""

import io

import pytest
from PIL import Image

from appanage.apps import logos
from appanage.apps.logos import read_logo
from appanage.kit.errors import Invalid


@pytest.mark.parametrize(
    ("mode", "form", "kept"),
    [("RGB", "JPEG", "RGB"), ("RGBA", "PNG", "RGBA"), ("P", "PNG", "RGB"), ("LA", "PNG", "RGBA")],
)
def test_only_what_something_shines_through_is_kept_with_transparency(mode: str, form: str, kept: str):
    out = io.BytesIO()
    Image.new(mode, (40, 40)).save(out, format=form)

    with Image.open(io.BytesIO(read_logo(out.getvalue()).content)) as drawn:
        assert (drawn.mode, drawn.size) == (kept, (40, 40))


def test_a_picture_that_is_too_large_when_it_is_drawn_anew_is_refused(monkeypatch: pytest.MonkeyPatch):
    """A small JPEG can make a PNG many times its size."""
    noise = io.BytesIO()
    Image.effect_noise((200, 200), 100).save(noise, format="JPEG", quality=5)
    monkeypatch.setattr(logos, "_LARGEST_DRAWN", 20 * 1024)

    with pytest.raises(Invalid, match=r"when it is drawn anew; at most 20 KiB are kept"):
        read_logo(noise.getvalue())
