"""What no app may have: an address that leads inside, what only clients have, more room than there is."""

import io
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.testclient import TestClient

from api.conftest import Caller, Calling
from api.drafts import INTEGRATION
from appanage.apps.model import App
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization
from appanage.kit.outbound import Fetcher, OutboundPolicy
from support.at_once import at_once
from support.clock import MovableClock
from support.profiles import fedramp_only
from support.refusals import leaves_only
from support.uploads import parts, picture
from support.world import World

SERVICE_APP = {
    "type": "serviceApp",
    "name": "Workforce Sync",
    "description": "Keeps people in step with the HR system.",
    "contactEmail": "dana@northwind.example",
    "scopes": ["spark-admin:people_read"],
}
GOODBYE = "https://evil.example/goodbye"


class TestAddressesThatLeadInside:
    """REG-09: whoever sees the app is sent to the address of its logo, also where the platform itself fetches nothing."""

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "[::1]",
            "10.0.0.5",
            "169.254.169.254",
            "localhost",
            "intranet",
            "printer.local",
            "vault.internal",
        ],
    )
    def test_are_no_addresses_of_logos(
        self,
        world: World,
        organization: Organization,
        developer: Caller,
        bot_draft: dict[str, str],
        host: str,
    ):
        made = developer.post("/applications", bot_draft)
        path, wanted = f"/applications/{made['id']}", {"logo": f"https://{host}/logo.png"}

        with leaves_only(world, organization):
            for sent in ({"json": INTEGRATION | wanted}, {"files": parts(INTEGRATION | wanted)}):
                refused = developer.send("POST", "/applications", 400, **sent)
                assert refused["errors"][0]["description"].startswith("logo: The ")
            developer.put(path, bot_draft | wanted, 400)
            developer.patch(path, wanted, 400)
        assert developer.get(path) == {name: value for name, value in made.items() if name != "botToken"}

    def test_but_the_one_at_which_we_serve_a_logo_is_no_news(
        self, developer: Caller, bot_without_logo: dict[str, str]
    ):
        """Although it is that of a loopback host, as here."""
        made = developer.send("POST", "/applications", 200, files=parts(bot_without_logo, logo=picture()))
        path = f"/applications/{made['id']}"
        shown = developer.get(path)

        assert shown["logo"].startswith("http://localhost:8080/")
        assert developer.put(path, shown) == developer.patch(path, {"logo": shown["logo"]}) == shown


class TestWhereNoHostIsListed:
    """GOV-07: what the fedramp profile begins with."""

    @pytest.fixture
    def deployment(self, deployment: Deployment) -> Deployment:
        return replace(deployment, fetcher=Fetcher(OutboundPolicy.LISTED, []))

    @fedramp_only
    def test_an_address_is_kept_unless_it_leads_inside(
        self, world: World, organization: Organization, developer: Caller
    ):
        made = developer.post("/applications", INTEGRATION | {"logo": "https://logo.example/logo.png"})

        assert made["logo"] == "https://logo.example/logo.png"
        with leaves_only(world, organization):
            developer.post("/applications", INTEGRATION | {"logo": "https://vault.internal/logo.png"}, 400)


class TestWhatOnlyClientsHave:
    @pytest.fixture(params=["bot", "serviceApp"])
    def without_sign_out(
        self, request: pytest.FixtureRequest, bot_draft: dict[str, str]
    ) -> Mapping[str, Any]:
        """What an app is registered with from which nobody signs out."""
        return bot_draft if request.param == "bot" else SERVICE_APP

    def test_only_an_integration_has_sign_out_urls(
        self, world: World, organization: Organization, developer: Caller, without_sign_out: dict[str, Any]
    ):
        path = f"/applications/{developer.post('/applications', without_sign_out)['id']}"
        wanted = {"signOutUrls": [GOODBYE]}

        with leaves_only(world, organization):
            other = {"botEmail": f"other-{uuid.uuid4().hex}@webex.bot"}
            again = without_sign_out | (other if "botEmail" in without_sign_out else {})
            for method, address, body in (
                ("POST", "/applications", again | wanted),
                ("PUT", path, without_sign_out | wanted),
                ("PATCH", path, wanted),
            ):
                refused = developer.send(method, address, 400, json=body)
                sentence = "signOutUrls: Only an Integration has sign-out URLs."
                assert refused["errors"] == [{"description": sentence}]

    @pytest.mark.parametrize("rule", ["isStrict", "pushesRequests"])
    def test_a_bot_holds_itself_to_no_rules_for_clients(
        self,
        world: World,
        organization: Organization,
        developer: Caller,
        bot_draft: dict[str, str],
        rule: str,
    ):
        path = f"/applications/{developer.post('/applications', bot_draft)['id']}"
        other = bot_draft | {"botEmail": f"other-{uuid.uuid4().hex}@webex.bot"}

        with leaves_only(world, organization):
            for method, address, body in (
                ("POST", "/applications", other | {rule: True}),
                ("PATCH", path, {rule: True}),
            ):
                refused = developer.send(method, address, 400, json=body)
                assert refused["message"] == "A bot is no client, so it has no rules for clients."
            developer.patch(path, {rule: False})

    @pytest.mark.parametrize("kind", ["bot", "service_app"])
    def test_nobody_signs_out_to_an_app_that_is_no_integration(
        self, client: TestClient, world: World, kind: str
    ):
        """Not even where such URLs were stored before they were refused."""
        made = world.bot() if kind == "bot" else world.service_app(world.developer(world.organization()))
        with world.deployment.transaction(world.origin) as tx:
            tx.get_one(App, made.id).sign_out_urls = [GOODBYE]
        parameters = {"client_id": made.app.client_id, "post_logout_redirect_uri": GOODBYE}

        answer = client.get("/v1/logout", params=parameters)

        assert answer.status_code == 400
        assert "refresh" not in answer.headers
        assert "evil.example" not in answer.text


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_nothing_but_pixels_is_kept_of_a_picture(
    developer: Caller, bot_without_logo: dict[str, str], form: str
):
    """REG-09: colour profiles, texts and EXIF may carry anything."""
    hidden = b"<script>HIDDEN-PAYLOAD</script>"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + hidden
    texts = PngInfo()
    texts.add_text("Comment", hidden.decode())
    texts.add_itxt("XML:com.adobe.xmp", hidden.decode())
    out = io.BytesIO()
    special: dict[str, Any] = {"pnginfo": texts} if form == "PNG" else {"comment": hidden}
    Image.new("RGB", (40, 40), "teal").save(out, form, icc_profile=hidden, exif=exif, **special)
    made = developer.send("POST", "/applications", 200, files=parts(bot_without_logo, logo=out.getvalue()))

    developer.get(made["logo"])
    served = developer.response.content
    with Image.open(io.BytesIO(served)) as shown:
        shown.load()

    assert not any(chunk in served for chunk in (b"iCCP", b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"HIDDEN"))
    assert shown.info == {}


class TestAppsOfOnePerson:
    """TEN-02: nobody fills the platform, nor takes addresses without end."""

    MOST = 3

    @pytest.fixture
    def deployment(self, deployment: Deployment) -> Deployment:
        return replace(
            deployment, settings=deployment.settings.model_copy(update={"apps_per_person": self.MOST})
        )

    def test_there_are_no_more_than_the_operator_lets_them_have(
        self,
        world: World,
        organization: Organization,
        calling: Calling,
        developer: Caller,
        bot_draft: dict[str, str],
    ):
        for wanted in (INTEGRATION, SERVICE_APP, bot_draft):
            developer.post("/applications", wanted)
        other = bot_draft | {"botEmail": f"other-{uuid.uuid4().hex}@webex.bot"}

        with leaves_only(world, organization):
            for wanted in (INTEGRATION, SERVICE_APP, other):
                refused = developer.post("/applications", wanted, 409)
                assert refused["message"] == (
                    "You have 3 apps, with those deleted within a day, and there can be no more."
                )
        calling(world.token(world.developer(organization))).post("/applications", other)

    def test_one_that_was_deleted_counts_for_a_day(
        self, world: World, calling: Calling, account: Account, clock: MovableClock
    ):
        developer = calling(world.token(account))
        made = [developer.post("/applications", INTEGRATION)["id"] for _ in range(self.MOST)]
        developer.delete(f"/applications/{made[0]}")

        developer.post("/applications", INTEGRATION, 409)
        clock.advance(hours=23)
        calling(world.token(account)).post("/applications", INTEGRATION, 409)
        clock.advance(hours=2)
        calling(world.token(account)).post("/applications", INTEGRATION)

        calling(world.token(account)).post("/applications", INTEGRATION, 409)

    def test_of_two_at_once_the_last_place_is_one_persons_app(
        self, world: World, calling: Calling, account: Account, token: str, developer: Caller
    ):
        for _ in range(self.MOST - 1):
            developer.post("/applications", INTEGRATION)
        at_the_same_time = [calling(token) for _ in range(4)]

        at_once([partial(one.post, "/applications", INTEGRATION) for one in at_the_same_time])

        assert sorted(one.response.status_code for one in at_the_same_time) == [200, 409, 409, 409]
        assert len(developer.get("/applications")["items"]) == self.MOST
        assert len(world.events(account.organization, "app.created")) == self.MOST


class TestAddressesOfBots:
    @pytest.mark.parametrize("name", ["a..b", ".a", "a.", "a-", "-a", "_a", "a.-b", "a b", "", "x" * 65])
    def test_dots_hyphens_and_underscores_stand_alone_between_letters(
        self,
        world: World,
        organization: Organization,
        developer: Caller,
        bot_draft: dict[str, str],
        name: str,
    ):
        with leaves_only(world, organization):
            refused = developer.post("/applications", bot_draft | {"botEmail": f"{name}@webex.bot"}, 400)
        assert refused["errors"][0]["description"].startswith("botEmail: Before @webex.bot ")

    @pytest.mark.parametrize("name", ["a.b-c_d", "x" * 31])
    def test_others_are_fine(self, developer: Caller, bot_draft: dict[str, str], name: str):
        """With a part that makes it one of a kind, the second of them has 64 characters."""
        address = f"{name}.{uuid.uuid4().hex}@webex.bot"

        assert developer.post("/applications", bot_draft | {"botEmail": address})["botEmail"] == address
