"""Try it: an Integration's request against the test page, from the form to what the tokens say."""

import base64
import json
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import select

from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from appanage.authorizations.model import AuthorizationCode, RefreshToken
from pages.developing import SCOPES, integration
from support.browser import Browser
from support.consenting import block, way_out_of
from support.world import PASSWORD

TEST_PAGE = "http://localhost:8080/portal/try"


@pytest.fixture
def made(world, developer):
    return integration(world, developer, redirect_urls=[TEST_PAGE])


@pytest.fixture
def tokens(world):
    """The refresh tokens of an app, and which of them are alive."""

    def read(made):
        with world.deployment.transaction(world.origin) as tx:
            rows = tx.scalars(select(RefreshToken)).unique()
            return [row.revoked_at is None for row in rows if row.authorization.app_id == made.app.id]

    return read


def start(dana, made, **options):
    dana.get(f"{made.path}/try")
    return dana.submit(f"{made.path}/try", **options)


def decide(dana, decision):
    """What the person decides, and the address to which the browser is sent with it."""
    page = dana.submit("/oauth/authorize/", {"decision": decision})
    out = way_out_of(page)
    return f"{urlsplit(out.address).path}?{urlencode(out.answer)}"


def answer(dana, made, decision="allow", *, values=None):
    start(dana, made, values=values)
    return dana.get(decide(dana, decision))


def exchange(dana, secret="", *, status=200):
    return dana.submit("/portal/try", {"secret": secret}, status=status)


def test_the_test_page_must_be_a_redirect_url_and_is_added_by_a_button(dana, world, organization, developer):
    made = integration(world, developer)
    page = dana.get(f"{made.path}/try")

    assert page.forms(f"{made.path}/try")[0].get("action") == f"{made.path}/try/url"

    page = dana.submit(f"{made.path}/try/url")

    assert "The test page is now one of the redirect URLs." in page.text
    assert page.values(page.forms(f"{made.path}/try")[0])["scope"] == list(SCOPES)
    (recorded,) = world.events(organization, "app.updated")
    assert recorded.data["redirectUrls"]["after"] == [*made.app.redirect_urls, TEST_PAGE]


def test_one_redirect_url_too_many_is_said(dana, world, developer):
    made = integration(world, developer, redirect_urls=[f"https://desk.example/{n}" for n in range(20)])
    dana.get(f"{made.path}/try")

    assert "There are 21 URLs" in dana.submit(f"{made.path}/try/url", status=422).text


def test_the_request_brings_a_state_and_a_code_challenge_that_are_new_each_time(dana, made):
    """AUTHZ-01."""
    asked = []
    for _ in range(2):
        page = dana.get(f"{made.path}/try")
        values = page.values(page.forms(f"{made.path}/try")[0])
        sent = dana.client.post(f"{made.path}/try", data=values, follow_redirects=False)
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/v1/authorize?")
        asked.append(
            {name: one[0] for name, one in parse_qs(urlsplit(sent.headers["location"]).query).items()}
        )

    assert {one["code_challenge_method"] for one in asked} == {"S256"}
    assert asked[0]["scope"] == " ".join(SCOPES)
    assert asked[0]["redirect_uri"] == TEST_PAGE
    for name in ("state", "code_challenge"):
        assert asked[0][name] != asked[1][name]


def test_scopes_must_be_chosen(dana, made):
    page = start(dana, made, without=["scope"], status=422)

    assert "Choose at least one scope." in page.text


def test_what_came_back_is_shown_without_the_whole_code(dana, made):
    page = answer(dana, made)
    code = parse_qs(urlsplit(str(page.response.url)).query)["code"][0]

    assert f"{code[:14]}…" in page.text
    assert code not in page.html
    assert "As it was sent" in page.text
    assert "As expected" in page.text
    assert page.response.headers["referrer-policy"] == "no-referrer"
    assert page.response.headers["cache-control"] == "no-store"


def test_the_code_is_exchanged_and_the_claims_are_shown_and_the_tokens_are_ended(
    dana, world, organization, made, developer, tokens
):
    """TOK-17."""
    answer(dana, made, values={"scope": [*SCOPES, "openid"]})
    page = exchange(dana, made.secret)

    for text in ("Access token", "ID token", made.app.client_id, str(developer.id), "spark:people_read"):
        assert text in page.text
    assert "Nonce As it was sent" in page.text.replace("NonceAs", "Nonce As")
    assert "the tokens were ended at once" in page.text
    assert not re.search(r"eyJ[A-Za-z0-9_-]+\.", page.html)
    assert "apn_rt_" not in page.html
    assert tokens(made) == [False]
    assert len(world.events(organization, "token.revoked")) == 1


def test_without_openid_there_is_no_id_token(dana, made):
    answer(dana, made)
    page = exchange(dana, made.secret)

    assert "Access token" in page.text
    assert "ID token" not in page.text


def test_a_wrong_secret_is_said_recorded_and_may_be_corrected(dana, world, organization, made, tokens):
    """CRED-12."""
    answer(dana, made)
    page = exchange(dana, made.secret[:-1], status=422)

    assert "That secret is incomplete or mistyped." in page.text
    assert tokens(made) == []
    assert len(world.events(organization, "client.refused")) == 1

    assert "It works" in exchange(dana, f" {made.secret}\n").text


def test_wrong_secrets_are_throttled_like_at_the_token_endpoint(dana, made):
    """CRED-12."""
    answer(dana, made)
    for _ in range(30):
        exchange(dana, "apn_cs_wrong", status=422)
    page = exchange(dana, made.secret, status=429)

    assert int(page.response.headers["retry-after"]) > 0
    assert "Too many attempts" in page.text


def test_a_public_client_needs_only_a_button(dana, world, developer, tokens):
    made = integration(world, developer, redirect_urls=[TEST_PAGE], client_proof=ClientProof.NONE)
    page = answer(dana, made)

    assert "A public client has no secret." in page.text
    assert [box for box in page.all("input") if box.get("type") == "password"] == []
    assert "It works" in exchange(dana).text
    assert tokens(made) == [False]


def test_a_code_that_is_too_old_says_what_the_app_would_be_told(dana, made, clock, tokens):
    answer(dana, made)
    clock.advance(seconds=90)
    page = exchange(dana, made.secret)

    assert "invalid_grant" in page.text
    assert "The authorization code is invalid, expired or spent." in page.text
    assert tokens(made) == []


def test_declining_is_shown_with_its_meaning(dana, made):
    page = answer(dana, made, "decline")

    assert "access_denied" in page.text
    assert "You did not allow it" in page.text
    assert f"{made.path}/try" in page.links()


def test_a_blocked_app_is_shown_as_refused(dana, world, organization, made):
    block(world, made.app, organization)
    page = start(dana, made, status=403)

    assert "Northwind Traders" in page.text


def test_an_answer_is_looked_at_once(dana, made):
    page = answer(dana, made)
    again = dana.get(str(page.response.url).removeprefix("http://localhost:8080"), status=404)

    assert "This answer belongs to nothing that was begun here" in again.text


def test_an_exchange_is_done_once(dana, made, tokens):
    page = answer(dana, made)
    form = page.values(page.forms("/portal/try")[0]) | {"secret": [made.secret]}
    dana.post("/portal/try", form)
    dana.post("/portal/try", form, status=404)

    assert tokens(made) == [False]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=x",
        "code=x&state=",
        "code=x&state=nonsense.y",
        "code=x&state=00000000-0000-0000-0000-000000000000.y",
        "error=access_denied&error_description=<script>alert(1)</script>&state=x",
    ],
)
def test_an_answer_to_nothing_is_a_clear_page(dana, query):
    """AUTHZ-12."""
    page = dana.get(f"/portal/try?{query}", status=404)

    assert "This answer belongs to nothing that was begun here" in page.text
    assert "<script>alert" not in page.html


def test_a_state_of_which_only_the_name_is_right_is_refused(dana, made):
    start(dana, made)
    address = decide(dana, "allow")
    forged = re.sub(r"(state=[0-9a-f-]{36}\.)[^&]+", r"\1forged", address)

    dana.get(forged, status=404)
    dana.get(address, status=404)


def test_another_browser_cannot_take_the_answer(dana, made, new_browser, developer):
    """AUTHZ-12."""
    start(dana, made)
    address = decide(dana, "allow")

    new_browser().sign_in(developer).get(address, status=404)

    assert "What came back" in dana.get(address).text


def test_signing_in_on_the_way_loses_the_request_and_says_so(dana, made, developer):
    start(dana, made)
    address = decide(dana, "allow")
    dana.get("/portal/apps")
    dana.submit("/logout")

    assert dana.get(address).heading == "Sign in"

    page = dana.submit("/login", {"email": developer.email, "password": PASSWORD}, status=404)

    assert "Signing in on the way starts a new session" in page.text


def test_an_app_that_is_not_ones_own_any_more_is_not_found(dana, world, made):
    page = answer(dana, made)
    form = page.values(page.forms("/portal/try")[0]) | {"secret": [made.secret]}
    with world.deployment.transaction(world.origin) as tx:
        apps.get_app(tx, made.app.id).deleted_at = tx.now

    dana.post("/portal/try", form, status=404)


def test_strict_mode_binds_the_tokens_to_a_key(dana, made):
    dana.get(f"{made.path}/settings")
    dana.submit(f"{made.path}/settings/rules", {"strict": "on"})
    answer(dana, made)
    page = exchange(dana, made.secret)

    assert "DPoP" in page.text
    assert "jkt" in page.text


def test_an_app_that_pushes_its_requests_can_be_tried_too(dana, made):
    dana.get(f"{made.path}/settings")
    dana.submit(f"{made.path}/settings/rules", {"pushed": "on"})
    answer(dana, made)

    assert "It works" in exchange(dana, made.secret).text


def test_the_exchange_needs_its_token(dana, made, tokens):
    """CONS-09."""
    page = answer(dana, made)
    form = page.values(page.forms("/portal/try")[0]) | {"secret": [made.secret], "csrf": ["x"]}
    dana.post("/portal/try", form, status=403)

    assert tokens(made) == []


def test_a_signing_client_is_shown_a_program_that_works(live, live_url, tmp_path):
    """The very snippet of the page is run, as its developer would, against a real server."""
    organization = live.organization()
    developer = live.developer(organization, password=PASSWORD)
    pair = ec.generate_private_key(ec.SECP256R1())
    pem = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "client-key.pem").write_bytes(pem)
    test_page = f"{live_url}/portal/try"
    made = integration(live, developer, redirect_urls=[test_page], client_proof=ClientProof.KEY)
    with httpx2.Client(base_url=live_url, follow_redirects=True) as client:
        dana = Browser(client).sign_in(developer)
        public = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        dana.get(f"{made.path}/credentials/keys/new")
        dana.submit(f"{made.path}/credentials/keys/new", {"key": public})
        page = answer(dana, made)
        program = next(one for one in page.all("pre") if one.get("id") == "code-python").text or ""
        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )

    granted = json.loads(ran.stdout)
    assert set(granted["scope"].split()) == set(SCOPES)
    payload = granted["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["client_id"] == made.app.client_id
    with live.deployment.transaction(live.origin) as tx:
        codes = [
            one for one in tx.scalars(select(AuthorizationCode)).unique() if one.redirect_uri == test_page
        ]
        assert all(one.spent_at for one in codes)
