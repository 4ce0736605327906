"""What an Integration proves itself by: keys, nothing, or another way than before."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appanage.apps import queries as apps
from appanage.apps.model import ClientProof
from pages.developing import integration
from support.keys import KEYS, public

PAIR = ec.generate_private_key(ec.SECP256R1())
PEM = PAIR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE_PEM = PAIR.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
EC, ED25519 = json.dumps(public(KEYS["ES256"])), json.dumps(public(KEYS["EdDSA"]))


@pytest.fixture
def signing(world, developer):
    return integration(world, developer, client_proof=ClientProof.KEY)


@pytest.fixture
def live(world):
    """What an app proves itself by now: the algorithms of its keys, the endings of its secrets."""

    def read(made):
        with world.deployment.transaction(world.origin) as tx:
            app = apps.get_app(tx, made.app.id)
            keys = [one.algorithm for one in apps.list_keys(tx, app, live_only=True)]
            return keys, [one.last_four for one in apps.list_secrets(tx, app) if one.is_live(tx.now)]

    return read


def add(dana, made, key, *, status=200):
    dana.get(f"{made.path}/credentials/keys/new")
    return dana.submit(f"{made.path}/credentials/keys/new", {"key": key}, status=status)


def change(dana, made, proof, *, status=200):
    dana.get(f"{made.path}/credentials/type")
    return dana.submit(f"{made.path}/credentials/type", {"clientProof": proof}, status=status)


@pytest.mark.parametrize(
    ("key", "label"),
    [(PEM, "EC P-256 ES256"), (EC, "EC P-256 ES256"), (ED25519, "Ed25519 EdDSA")],
    ids=["PEM", "JWK", "Ed25519"],
)
def test_a_key_is_added_and_listed(dana, world, organization, signing, live, key, label):
    assert "No key works." in dana.get(f"{signing.path}/credentials").text

    page = add(dana, signing, key)

    assert "is added. The app can sign with it from now on." in page.text
    assert label in page.text
    assert "by Dana Kim" in page.text
    assert live(signing)[0] == [label.split()[-1]]
    assert len(world.events(organization, "key.created")) == 1
    assert "Its thumbprint begins with" in dana.get(f"{signing.path}/activity").text
    assert "Next: add a key" not in dana.get(signing.path).text


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (PRIVATE_PEM, "That is a private key. Keep it secret, make a new pair, and paste the public half."),
        (json.dumps({"kty": "oct", "k": "c2VjcmV0LXZhbHVl"}), "That is a symmetric key"),
        ("c2VjcmV0LXZhbHVl", "That is neither a JWK (one JSON object) nor a PEM block"),
        ("", "That is neither a JWK (one JSON object) nor a PEM block"),
    ],
    ids=["private", "symmetric", "nonsense", "nothing"],
)
def test_what_is_no_public_key_is_refused_beside_the_field_and_never_shown_again(
    dana, world, organization, signing, live, key, sentence
):
    page = add(dana, signing, key, status=422)

    assert sentence in page.text
    assert "#f-key" in page.links()
    assert page.values(page.forms(f"{signing.path}/credentials/keys/new")[0])["key"][0].strip() == ""
    assert "c2VjcmV0LXZhbHVl" not in page.html
    assert "MIGH" not in page.html
    assert live(signing) == ([], [])
    assert world.events(organization, "key.created") == []


def test_a_key_is_registered_once_and_two_at_the_most(dana, signing, live):
    add(dana, signing, EC)

    assert "This key is registered already." in add(dana, signing, EC, status=409).text

    add(dana, signing, ED25519)
    page = add(dana, signing, PEM, status=409)

    assert "Two keys are registered already. Revoke the older one first." in page.text
    assert "2 keys work already" in page.text
    assert len(live(signing)[0]) == 2


def test_a_key_is_revoked_after_saying_what_stops(dana, world, organization, signing, live):
    page = add(dana, signing, EC)
    revoke = next(link for link in page.links() if link.endswith("/revoke"))
    asked = dana.get(revoke)

    assert "It is the only key" in asked.text

    done = dana.submit(revoke)

    assert "is revoked." in done.text
    assert "Keys that were revoked" in done.text
    assert live(signing) == ([], [])
    assert len(world.events(organization, "key.revoked")) == 1
    assert "It can get no tokens" in dana.get("/portal/apps").text
    dana.get(revoke, status=409)


def test_the_key_of_another_app_is_not_found(dana, world, developer, signing):
    other = integration(world, developer, client_proof=ClientProof.KEY)
    page = add(dana, other, EC)
    revoke = next(link for link in page.links() if link.endswith("/revoke"))

    dana.get(revoke.replace(str(other.app.id), str(signing.app.id)), status=404)


@pytest.mark.parametrize(
    ("proof", "paths"),
    [
        (ClientProof.KEY, ("/rotate", "/secret")),
        (ClientProof.SECRET, ("/keys/new",)),
        (ClientProof.NONE, ("/rotate", "/secret", "/keys/new")),
    ],
)
def test_there_are_no_pages_for_what_an_app_does_not_prove_itself_by(dana, world, developer, proof, paths):
    """CRED-10."""
    made = integration(world, developer, client_proof=proof)
    page = dana.get(f"{made.path}/credentials")
    token = page.values(page.forms("/logout")[0])["csrf"]

    for path in paths:
        assert f"{made.path}/credentials{path}" not in page.links()
        dana.get(f"{made.path}/credentials{path}", status=404)
        if path != "/secret":
            dana.post(
                f"{made.path}/credentials{path}", {"csrf": token, "overlap": "0", "key": EC}, status=404
            )


def test_a_public_client_is_told_what_stands_in_the_place_of_a_credential(dana, world, developer):
    made = integration(world, developer, client_proof=ClientProof.NONE)
    page = dana.get(f"{made.path}/credentials")

    assert "A public client has nothing that could leak." in page.text
    assert "code_challenge" in page.text


def test_changing_to_a_key_ends_the_secrets_at_once(dana, world, organization, developer, live):
    """CRED-10."""
    made = integration(world, developer)
    asked = dana.get(f"{made.path}/credentials/type")

    assert f"The secret that ends in {made.secret[-4:]}: never used" in asked.text

    page = change(dana, made, "private_key_jwt")

    assert "Now add the key with which the app signs." in page.text
    assert page.forms(f"{made.path}/credentials/keys/new")
    assert live(made) == ([], [])
    (recorded,) = world.events(organization, "app.updated")
    assert recorded.data["clientProof"] == {"before": "client_secret", "after": "private_key_jwt"}


def test_changing_to_a_secret_ends_the_keys_and_leads_to_a_new_secret(dana, signing, live):
    add(dana, signing, EC)
    page = change(dana, signing, "client_secret")

    assert live(signing) == ([], [])
    assert "No secret works at present, so nothing is replaced." in page.text

    made = dana.submit(f"{signing.path}/credentials/rotate")

    assert "apn_cs_" in made.html
    assert len(live(signing)[1]) == 1


def test_changing_to_a_public_client_leaves_nothing(dana, signing, live):
    add(dana, signing, EC)
    page = change(dana, signing, "none")

    assert "The app is a public client now" in page.text
    assert live(signing) == ([], [])


def test_a_public_client_with_a_scheme_of_its_own_must_change_its_urls_first(
    dana, world, organization, developer
):
    made = integration(
        world, developer, client_proof=ClientProof.NONE, redirect_urls=["com.example.desk:/cb"]
    )
    page = change(dana, made, "client_secret", status=422)

    assert "Only a public client can be called by a scheme of its own" in page.text
    assert world.events(organization, "app.updated") == []


def test_choosing_what_it_is_changes_nothing(dana, world, organization, developer, live):
    made = integration(world, developer)
    change(dana, made, "client_secret")

    assert world.events(organization, "app.updated") == []
    assert live(made)[1] == [made.secret[-4:]]


def test_who_changed_the_type_meanwhile_is_not_overwritten_unseen(dana, new_browser, developer, signing):
    other = new_browser().sign_in(developer)
    other.get(f"{signing.path}/credentials/type")
    change(dana, signing, "client_secret")
    page = other.submit(f"{signing.path}/credentials/type", {"clientProof": "none"}, status=409)

    assert "was changed by somebody else in the meantime" in page.text


@pytest.mark.parametrize("proof", ["", "client_secret_jwt", "<script>"])
def test_a_type_that_is_not_offered_is_refused(dana, signing, proof):
    change(dana, signing, proof, status=400)


def test_a_service_app_may_sign_and_is_never_public(dana, world, developer, organization):
    made = world.service_app(developer)
    path = f"/portal/apps/{made.id}"
    page = dana.get(f"{path}/credentials/type")

    assert "Runs on people's devices" not in page.text

    refused = dana.submit(f"{path}/credentials/type", {"clientProof": "none"}, status=422)

    assert "A Service App is never a public client" in refused.text

    dana.submit(f"{path}/credentials/type", {"clientProof": "private_key_jwt"})
    world.authorize(made, world.full_admin(organization))
    page = dana.get(f"{path}/orgs")

    assert "The app signs with a key of its own, so there is no secret to paste here." in page.text
    assert page.forms(f"{path}/orgs/") == []
