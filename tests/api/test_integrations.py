"""Integrations by API: registered, changed, held to more, and proven by keys (platform reference §3)."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from api.conftest import Caller
from api.drafts import INTEGRATION
from appanage.directory.model import Organization
from support.clock import MovableClock
from support.world import World


def new_key() -> str:
    return json.dumps(ECKey.generate_key("P-256").as_dict(private=False))


DOCUMENTED = {
    "isNative",
    "id",
    "friendlyId",
    "type",
    "name",
    "description",
    "orgId",
    "contactEmail",
    "redirectUrls",
    "scopes",
    "clientId",
    "isFeatured",
    "submissionStatus",
    "createdBy",
    "created",
}


def test_an_integration_is_registered_and_its_secret_shown_once(developer: Caller):
    """CRED-02; the very fields of the platform (reference §3.3)."""
    made = developer.post("/applications", INTEGRATION)
    found = developer.get(f"/applications/{made['id']}")

    assert (made["type"], made["redirectUrls"]) == ("integration", INTEGRATION["redirectUrls"])
    assert made["clientSecret"].startswith("apn_cs_")
    assert set(made) == DOCUMENTED | {"clientSecret"}
    assert set(found) == DOCUMENTED
    assert [one["id"] for one in developer.get("/applications?type=integration")["items"]] == [made["id"]]
    assert developer.get("/applications?type=serviceApp")["items"] == []


def test_redirect_urls_are_understood_in_both_spellings(developer: Caller):
    spelt = {key: value for key, value in INTEGRATION.items() if key != "redirectUrls"}

    made = developer.post("/applications", spelt | {"redirectURLs": ["https://notes.example/other"]})

    assert made["redirectUrls"] == ["https://notes.example/other"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"reasons": {"spark:people_read": "To greet them."}}, ["reasons"]),
        ({"signOutUrls": ["https://notes.example/bye"]}, ["signOutUrls"]),
        ({"supportUrl": "https://notes.example/help"}, ["supportUrl"]),
        ({"privacyUrl": "https://notes.example/privacy"}, ["privacyUrl"]),
        ({"companyName": "Northwind", "logo": "https://notes.example/logo.png"}, ["companyName", "logo"]),
        ({"clientProof": "none"}, ["clientProof"]),
        ({"isStrict": True}, ["isStrict"]),
        ({"pushesRequests": True}, ["pushesRequests"]),
        ({"reasons": {}, "signOutUrls": [], "clientProof": "client_secret", "isStrict": False}, []),
    ],
    ids=str,
)
def test_a_field_of_ours_is_there_when_it_says_something(
    developer: Caller, said: dict[str, Any], shown: list[str]
):
    made = developer.post("/applications", INTEGRATION | said)
    found = developer.get(f"/applications/{made['id']}")

    assert set(found) == DOCUMENTED.union(shown)
    assert {name: found[name] for name in shown} == {name: said[name] for name in shown}


def test_when_an_app_was_changed_is_told_once_it_was(developer: Caller, clock: MovableClock):
    path = f"/applications/{developer.post('/applications', INTEGRATION)['id']}"
    clock.advance(seconds=1)

    changed = developer.patch(path, {"name": "Meeting Minutes"})

    assert set(changed) == DOCUMENTED | {"modified"}


@pytest.mark.parametrize("proof", ["private_key_jwt", "none"])
def test_a_client_that_proves_itself_without_a_secret_gets_none(developer: Caller, proof: str):
    made = developer.post("/applications", INTEGRATION | {"clientProof": proof})

    assert "clientSecret" not in made
    assert developer.get(f"/applications/{made['id']}/clientSecrets")["items"] == []
    assert developer.post(f"/applications/{made['id']}/clientSecrets", {}, 409)["message"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"redirectUrls": []}, "redirectUrls"),
        ({"redirectUrls": ["http://notes.example/callback"]}, "redirectUrls"),
        ({"redirectUrls": ["https://notes.example/callback#top"]}, "redirectUrls"),
        ({"redirectUrls": ["https://*.notes.example/callback"]}, "redirectUrls"),
        ({"redirectUrls": ["https://me@notes.example/callback"]}, "redirectUrls"),
        ({"redirectUrls": ["http://localhost:80@attacker.test/cb"]}, "redirectUrls"),
        ({"redirectUrls": ["javascript:alert(1)"]}, "redirectUrls"),
        ({"redirectUrls": ["notes:/callback"]}, "redirectUrls"),
        ({"redirectUrls": ["nowhere"]}, "redirectUrls"),
        ({"redirectUrls": [f"https://notes.example/{number}" for number in range(21)]}, "redirectUrls"),
        ({"signOutUrls": ["http://notes.example/bye"]}, "signOutUrls"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["spark:all_of_it"]}, "spark:all_of_it"),
        ({"clientProof": "password"}, "clientProof"),
        ({"type": "serviceApp"}, "redirectUrls"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    developer: Caller, world: World, organization: Organization, changes: dict[str, Any], named: str
):
    """REG-02."""
    before = len(world.events(organization))

    refused = developer.post("/applications", INTEGRATION | changes, 400)

    assert any(named in one["description"] for one in refused["errors"])
    assert developer.get("/applications")["items"] == []
    assert len(world.events(organization)) == before


def test_getting_changing_and_putting_everything_back_keeps_how_the_client_proves_itself(developer: Caller):
    made = developer.post("/applications", INTEGRATION | {"clientProof": "private_key_jwt"})
    path = f"/applications/{made['id']}"
    key = developer.post(f"{path}/clientKeys", {"key": new_key()})
    without = {name: value for name, value in developer.get(path).items() if name != "clientProof"}

    put = developer.put(path, without | {"name": "Meeting Minutes"})

    assert put["name"] == "Meeting Minutes"
    assert put["clientProof"] == "private_key_jwt"
    assert [one["id"] for one in developer.get(f"{path}/clientKeys")["items"]] == [key["id"]]
    assert "revoked" not in developer.get(f"{path}/clientKeys")["items"][0]


def test_another_way_of_proof_ends_what_proved_the_client_before(
    developer: Caller, world: World, organization: Organization
):
    """CRED-10."""
    made = developer.post("/applications", INTEGRATION)
    path = f"/applications/{made['id']}"

    developer.patch(path, {"clientProof": "private_key_jwt"})

    assert [one["isLive"] for one in developer.get(f"{path}/clientSecrets")["items"]] == [False]
    assert world.events(organization, "app.updated")[-1].data["clientProof"] == {
        "before": "client_secret",
        "after": "private_key_jwt",
    }


SERVICE_APP = {name: value for name, value in INTEGRATION.items() if name != "redirectUrls"} | {
    "type": "serviceApp",
    "scopes": ["spark-admin:people_read"],
}


def test_a_service_app_is_never_a_public_client(developer: Caller):
    refused = developer.post("/applications", SERVICE_APP | {"clientProof": "none"}, 400)

    assert refused["errors"][0]["description"].startswith(
        "clientProof: A Service App is never a public client"
    )


def test_a_service_app_may_prove_itself_by_a_key(developer: Caller):
    made = developer.post("/applications", SERVICE_APP | {"clientProof": "private_key_jwt"})

    assert "clientSecret" not in made
    assert (
        developer.post(f"/applications/{made['id']}/clientKeys", {"key": new_key()})["algorithm"] == "ES256"
    )


def test_an_app_may_hold_itself_to_more(developer: Caller, world: World, organization: Organization):
    made = developer.post("/applications", INTEGRATION | {"isStrict": True})

    changed = developer.patch(f"/applications/{made['id']}", {"pushesRequests": True})

    assert (made["isStrict"], "pushesRequests" in made) == (True, False)
    assert (changed["isStrict"], changed["pushesRequests"]) == (True, True)
    assert world.events(organization, "app.updated")[-1].data == {
        "pushedRequests": {"before": False, "after": True}
    }


def test_two_keys_can_be_alive_and_each_ends_alone(
    developer: Caller, world: World, organization: Organization
):
    """CRED-04, for keys."""
    made = developer.post("/applications", INTEGRATION | {"clientProof": "private_key_jwt"})
    path = f"/applications/{made['id']}/clientKeys"
    first, second = (developer.post(path, {"key": new_key()}) for _ in range(2))

    assert developer.post(path, {"key": new_key()}, 409)["message"].startswith("Two keys are registered")

    developer.delete(f"{path}/{first['id']}")

    assert developer.post(path, {"key": json.dumps(second["jwk"])}, 409)["message"]
    keys = {one["id"]: "revoked" in one for one in developer.get(path)["items"]}
    assert keys == {first["id"]: True, second["id"]: False}
    assert len(world.events(organization, "key.revoked")) == 1


@pytest.mark.parametrize(
    "pasted", ["", "nonsense", "{}", '{"kty":"oct","k":"AAAA"}', "-----BEGIN PUBLIC KEY-----"]
)
def test_what_is_no_public_key_is_refused_and_not_repeated(developer: Caller, pasted: str):
    made = developer.post("/applications", INTEGRATION | {"clientProof": "private_key_jwt"})

    refused = developer.post(f"/applications/{made['id']}/clientKeys", {"key": pasted}, 400)

    assert refused["errors"][0]["description"].startswith("key: ")
    assert developer.get(f"/applications/{made['id']}/clientKeys")["items"] == []


def test_a_private_key_is_refused_and_appears_nowhere(developer: Caller):
    """CRED-02."""
    made = developer.post("/applications", INTEGRATION | {"clientProof": "private_key_jwt"})
    private = ECKey.generate_key("P-256").as_dict(private=True)

    refused = developer.post(f"/applications/{made['id']}/clientKeys", {"key": json.dumps(private)}, 400)

    assert "private key" in refused["errors"][0]["description"]
    assert str(private["d"]) not in json.dumps(refused)


def test_a_client_with_a_secret_has_no_keys(developer: Caller):
    """CRED-10."""
    made = developer.post("/applications", INTEGRATION)

    assert developer.post(f"/applications/{made['id']}/clientKeys", {"key": new_key()}, 409)["message"]
