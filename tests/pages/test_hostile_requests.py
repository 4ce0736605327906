"""Requests that no browser makes: each gets its status and a sentence, none a 500."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from appanage.apps.logos import read_logo
from appanage.directory.roles import Role
from appanage.kit.errors import Invalid
from support.browser import Browser
from support.world import PASSWORD, World


@pytest.mark.parametrize(
    "wanted", ["//[", "//evil.example", "/\\evil", "http://[", "/℀", "/a\tb", "javascript:x"]
)
def test_where_to_go_next_is_a_path_of_this_site_or_the_start(browser: Browser, world: World, wanted: str):
    """Nobody is sent elsewhere by a link to the sign-in page."""
    person = world.developer(world.organization(), password=PASSWORD)
    shown = browser.get(f"/login?next={quote(wanted)}")
    assert shown.values(shown.forms("/login")[0])["next"] == ["/"]

    browser.client.follow_redirects = False
    values = shown.values(shown.forms("/login")[0]) | {
        "next": wanted,
        "email": person.email,
        "password": PASSWORD,
    }
    answer = browser.client.post("/login", data=values)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "path", ["//[", "//evil.example/x", "/%00", "/%ff", "/portal/apps/%00", "/hub/users/%ED%A0%80"]
)
def test_strange_paths_lead_nowhere(client: TestClient, path: str):
    client.follow_redirects = False
    answer = client.get(f"http://localhost:8080{path}")

    assert answer.status_code in {303, 404}


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "idna", "nonsense", "utf-16"])
@pytest.mark.parametrize("value", ["+2AA-", "\\ud800", "\\x00", "xn--a", "plain"])
def test_a_form_in_a_strange_charset_is_refused(client: TestClient, charset: str, value: str):
    """AUTHZ-15."""
    body = f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{value}\r\n--b--\r\n'
    media_type = f"multipart/form-data; boundary=b; charset={charset}"
    answer = client.post("/login", content=body, headers={"Content-Type": media_type})

    assert answer.status_code in {400, 403}


def test_a_declared_charset_changes_nothing_about_what_is_read(browser: Browser):
    """RFC 7578 §5.1: a form is UTF-8. Punycode, which a client could name, takes minutes for a megabyte."""
    shown = browser.get("/login")
    values = shown.values(shown.forms("/login")[0])
    fields = {"csrf": values["csrf"][0], "email": "zoë@people.example", "password": "x"}
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    media_type = "multipart/form-data; boundary=b; charset=punycode"
    answer = browser.client.post(
        "/login", content=f"{body}--b--\r\n".encode(), headers={"Content-Type": media_type}
    )

    assert answer.status_code == 422
    assert "zoë@people.example" in answer.text


@pytest.mark.parametrize("value", [b"\xff", b"\xed\xa0\x80", b"\0"], ids=["no UTF-8", "surrogate", "NUL"])
def test_what_is_no_text_is_no_field(client: TestClient, value: bytes):
    """AUTHZ-15."""
    body = b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\n' + value + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    assert client.post("/login", content=body, headers=headers).status_code == 400


def test_a_form_with_too_many_fields_is_refused_before_it_is_read(client: TestClient):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    page = client.post("/login", content=b"a&" * 500_000, headers=form)
    token = client.post("/v1/access_token", content=b"a&" * 500_000, headers=form)

    assert (page.status_code, token.status_code) == (400, 400)


def test_roles_that_are_saved_twice_at_once_are_saved_once(browser: Browser, world: World):
    organization = world.organization()
    browser.sign_in(world.full_admin(organization, password=PASSWORD))
    person = world.person(organization)
    shown = browser.get(f"/hub/users/{person.id}")
    values = shown.values(shown.forms(f"/hub/users/{person.id}/roles")[0]) | {"roles": Role.USER_ADMIN.value}
    browser.client.follow_redirects = False

    def save(_: int) -> int:
        return browser.client.post(f"/hub/users/{person.id}/roles", data=values).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(save, range(6)))

    assert answers == [303, 409, 409, 409, 409, 409]


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    made = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def jpeg_that_claims(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    content = bytearray(out.getvalue())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


PIXEL = (b"IDAT", zlib.compress(b"\0\0\0\0"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a",
        png(header(1, 1), PIXEL, (b"iCCP", b""), (b"IEND", b"")),
        png(header(1, 1), (b"IDAT", b"nonsense"), (b"IEND", b"")),
        png(header(2049, 1), PIXEL, (b"IEND", b"")),
        jpeg_that_claims(35_000, 35_000),
        jpeg_that_claims(12_000, 12_000),
    ],
    ids=range(9),
)
def test_a_picture_that_is_broken_or_built_to_hurt_is_refused(content: bytes):
    with pytest.raises(Invalid, match="logo"):
        read_logo(content)
