"""An app and its logo in one body: multipart/form-data, read as strictly as JSON."""

import asyncio
import io
import json
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message

from api.conftest import Caller
from api.drafts import INTEGRATION
from appanage.app import create_app
from appanage.directory.model import Organization
from support.uploads import Parts, parts, picture
from support.world import World


class TestMultipart:
    def test_a_bot_is_made_with_its_logo_as_a_file(self, developer: Caller, bot_without_logo: dict[str, str]):
        made = developer.send(
            "POST", "/applications", 200, files=parts(bot_without_logo, logo=picture("JPEG"))
        )
        developer.get(made["logo"])

        assert {name: made[name] for name in bot_without_logo} == bot_without_logo
        assert made["logo"].startswith(f"http://localhost:8080/v1/applications/{made['id']}/logo?v=")
        assert Image.open(io.BytesIO(developer.response.content)).format == "PNG"

    @pytest.mark.parametrize(
        "lists",
        [
            {},
            {"redirectUrls": None, "redirectURLs": INTEGRATION["redirectUrls"]},
            {"redirectUrls": None, "redirect_urls": INTEGRATION["redirectUrls"]},
            {"redirectUrls": None, "redirectUrls[]": INTEGRATION["redirectUrls"]},
            {"scopes": None, "scopes[]": INTEGRATION["scopes"]},
            {
                "redirectUrls": json.dumps(INTEGRATION["redirectUrls"]),
                "scopes": json.dumps(INTEGRATION["scopes"]),
            },
        ],
        ids=["repeated", "redirectURLs", "redirect_urls", "redirectUrls[]", "scopes[]", "JSON"],
    )
    def test_lists_come_in_every_usual_way(self, developer: Caller, lists: dict[str, Any]):
        fields = {name: value for name, value in (INTEGRATION | lists).items() if value is not None}

        made = developer.send("POST", "/applications", 200, files=parts(fields))

        assert {name: made[name] for name in INTEGRATION} == INTEGRATION

    def test_one_entry_is_a_list_too(self, developer: Caller):
        fields = INTEGRATION | {"scopes": "spark:people_read", "redirectUrls": "https://notes.example/cb"}

        made = developer.send("POST", "/applications", 200, files=parts(fields))

        assert (made["scopes"], made["redirectUrls"]) == (["spark:people_read"], ["https://notes.example/cb"])

    def test_objects_and_booleans_are_read_and_unknown_parts_are_not(self, developer: Caller):
        reasons = {"spark:people_read": "To greet people by name. ✓"}
        fields = INTEGRATION | {"reasons": json.dumps(reasons), "isStrict": "true", "pushesRequests": "false"}
        unknown: Parts = [("shoeSize", ("size.txt", b"38", "text/plain")), ("is_native", (None, "true"))]

        made = developer.send("POST", "/applications", 200, files=parts(fields) + unknown)

        assert (made["reasons"], made["isStrict"]) == (reasons, True)
        assert "pushesRequests" not in made

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_an_app_is_changed_by_parts_too(self, developer: Caller, method: str):
        path = f"/applications/{developer.post('/applications', INTEGRATION)['id']}"
        wanted = {**INTEGRATION, "name": "Meeting Minutes"}

        changed = developer.send(method, path, 200, files=parts(wanted, logo=picture()))

        assert changed["name"] == "Meeting Minutes"
        assert "/logo?v=" in changed["logo"]

    @pytest.mark.parametrize(
        ("fields", "extra", "sentence"),
        [
            (
                {"isStrict": "perhaps"},
                [],
                "isStrict: Input should be a valid boolean, unable to interpret input.",
            ),
            ({"reasons": "{"}, [], "reasons is not valid JSON."),
            ({"reasons": "[" * 100_000}, [], "reasons is not valid JSON."),
            ({"reasons": "[]"}, [], "reasons: Input should be a valid dictionary."),
            ({"scopes": "["}, [], "scopes is not valid JSON."),
            ({"scopes": "[1]"}, [], "scopes.0: Input should be a valid string."),
            ({"name": ["One", "Two"]}, [], "name is given more than once."),
            ({"name": "Bad\abell"}, [], "name contains control characters or line breaks."),
            ({"name": "Bad\0name"}, [], "name contains control characters or line breaks."),
            ({}, [("name", ("a.txt", b"A name"))], "name is given more than once."),
            ({}, [("companyName", ("a.txt", b"Northwind"))], "companyName must be text, not a file."),
            ({}, [("scopes", ("a.txt", b"spark:people_read"))], "scopes must be text, not a file."),
            ({"logo": "https://a.example/l.png"}, parts({}, logo=b"x"), "logo is given more than once."),
            ({}, parts({}, logo=b"x") * 2, "logo is given more than once."),
            ({}, parts({}, logo=b"x") * 5, "The body cannot be read as multipart/form-data."),
            ({}, [("x", (None, "y"))] * 301, "The body cannot be read as multipart/form-data."),
        ],
        ids=range(16),
    )
    def test_what_is_wrong_is_400_in_one_sentence(
        self, developer: Caller, fields: dict[str, Any], extra: Parts, sentence: str
    ):
        refused = developer.send("POST", "/applications", 400, files=parts(INTEGRATION | fields) + extra)

        assert refused["message"] == sentence
        assert refused["errors"] == [{"description": sentence}]
        assert developer.get("/applications")["items"] == []

    @pytest.mark.parametrize(
        ("content", "boundary"),
        [
            (b"", "b"),
            (b"nonsense", "b"),
            (b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nbot', "b"),
            (b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nbot\r\n--b\r\n', "b"),
            (b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\n\xff\r\n--b--\r\n', "b"),
            (b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nbot\r\n--b--\r\n', "b"),
            (b"--b\r\nContent-Disposition: form-data\r\n\r\nbot\r\n--b--\r\n", "b"),
            (b"--b\r\n\r\nbot\r\n--b--\r\n", "b"),
            (
                b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n' + b"x" * 2_000_000,
                "b",
            ),
            (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nbot\r\n--b--\r\n', ""),
            (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nbot\r\n--b--\r\n', "x" * 71),
        ],
        ids=range(11),
    )
    def test_what_is_no_multipart_is_400(self, developer: Caller, content: bytes, boundary: str):
        """AUTHZ-15 in spirit: never a 500."""
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}

        refused = developer.send("POST", "/applications", 400, content=content, headers=headers)

        assert refused["message"] == "The body cannot be read as multipart/form-data."

    def test_a_declared_charset_changes_nothing(self, developer: Caller):
        """RFC 7578 §5.1: a form is UTF-8."""
        fields = {
            **INTEGRATION,
            "name": "Notizen für Zoë",
            "redirectUrls": "https://a.example/",
            "scopes": "spark:people_read",
        }
        lines = (
            f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()
        )
        headers = {"Content-Type": "multipart/form-data; charset=utf-16; boundary=b"}

        made = developer.send(
            "POST", "/applications", 200, content=("".join(lines) + "--b--\r\n").encode(), headers=headers
        )

        assert made["name"] == "Notizen für Zoë"

    @pytest.mark.parametrize(
        "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/mixed", ""]
    )
    def test_another_type_is_415(self, developer: Caller, media_type: str):
        headers = {"Content-Type": media_type}

        for method, path in (
            ("POST", "/applications"),
            ("PUT", "/applications/x"),
            ("PATCH", "/applications/x"),
        ):
            refused = developer.send(method, path, 415, content=b"type=bot", headers=headers)
            assert refused["message"] == f"Content type '{media_type}' not supported"


class TestSizes:
    def test_a_logo_of_5_megabytes_is_refused_in_words_about_the_logo(
        self, developer: Caller, bot_without_logo: dict[str, str]
    ):
        refused = developer.send(
            "POST", "/applications", 400, files=parts(bot_without_logo, logo=b"\0" * 5_000_000)
        )

        assert refused["message"] == "The logo has 4,882 KiB; at most 256 KiB are taken."
        assert refused["errors"] == [{"description": f"logo: {refused['message']}"}]
        assert developer.get("/applications")["items"] == []

    @pytest.mark.parametrize(
        ("path", "media_type"),
        [
            ("/v1/people", "multipart/form-data; boundary=b"),
            ("/v1/applications/x/token", "multipart/form-data; boundary=b"),
            ("/v1/applicationsx", "multipart/form-data; boundary=b"),
            ("/v1/applications", "application/json"),
            ("/login", "multipart/form-data; boundary=b"),
        ],
    )
    def test_nothing_else_may_be_larger_than_a_mebibyte(self, client: TestClient, path: str, media_type: str):
        answer = client.post(path, content=b" " * (1024 * 1024 + 1), headers={"Content-Type": media_type})

        assert answer.status_code == 413

    @pytest.mark.parametrize("is_declared", [True, False])
    def test_even_an_upload_has_an_end(self, client: TestClient, token: str, is_declared: bool):
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {token}"}
        head = b'--b\r\nContent-Disposition: form-data; name="logo"; filename="f"\r\n\r\n'
        chunks = [head, *[b"x" * 1024 * 1024] * 8]

        answer = client.post(
            "/v1/applications", content=b"".join(chunks) if is_declared else iter(chunks), headers=headers
        )

        assert answer.status_code == 413
        assert answer.json()["message"] == "The request is larger than anything here needs."

    def test_an_upload_is_not_even_read_for_who_may_not_send_it(
        self, world: World, organization: Organization
    ):
        narrow = world.token(world.person(organization), "spark:rooms_read")

        assert [_refused_unread(world, token) for token in ("", "nonsense", narrow)] == [401, 401, 403]


def _refused_unread(world: World, token: str) -> int:
    """The status of the answer to a body of which nothing is received."""
    began: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body is read")

    async def send(message: Message) -> None:
        began.append(message)

    headers = {"content-type": "multipart/form-data; boundary=b", "authorization": f"Bearer {token}"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/applications",
        "raw_path": b"/v1/applications",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(create_app(world.deployment)(scope, receive, send))  # type: ignore[arg-type]
    return int(began[0]["status"])
