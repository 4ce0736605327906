"""Applications: registered, shown, changed and deleted by the people who own them."""

import base64
import io
import uuid
from typing import Any

import pytest
from PIL import Image

from api.conftest import Caller, Calling
from appanage.apps.scopes import ServiceAppUse, catalogue
from appanage.directory.model import Organization
from appanage.kit.ids import Kind
from support.uploads import picture
from support.world import World

DRAFT = {
    "type": "serviceApp",
    "name": "Workforce Sync",
    "description": "Keeps people in step\nwith the HR system.",
    "contactEmail": "dana@northwind.example",
    "companyName": "Northwind",
    "supportUrl": "https://northwind.example/help",
    "privacyUrl": "https://northwind.example/privacy",
    "logo": "https://northwind.example/logo.png",
    "scopes": ["spark-admin:people_read", "spark-admin:people_write"],
    "reasons": {"spark-admin:people_write": "New hires get an account on their first day."},
}


def test_a_service_app_is_registered_and_its_secret_is_shown_once(
    world: World, organization: Organization, developer: Caller
):
    """CRED-01, CRED-02, REG-07: the full record of the platform as far as there are values."""
    app = developer.post("/applications", DRAFT)
    again = developer.get(f"/applications/{app['id']}")

    assert {name: app[name] for name in DRAFT} == DRAFT
    assert app["clientSecret"].startswith("apn_cs_")
    assert len(app["clientId"]) == 65
    assert app["id"] == world.public_id(Kind.APPLICATION, app["clientId"])
    assert app["orgId"] == world.organization_id(organization)
    assert app["createdBy"] == developer.get("/people/me")["id"]
    assert app["friendlyId"].startswith("workforce-sync-")
    assert (app["isNative"], app["isFeatured"], app["submissionStatus"]) == (False, False, "none")
    assert (app["orgSubmissionStatus"], app["visibility"]) == ("none", "private")
    assert again == {name: value for name, value in app.items() if name != "clientSecret"}
    assert app["clientSecret"] not in str([event.data for event in world.events(organization)])


def test_the_older_name_of_the_type_and_a_missing_description_are_taken(developer: Caller):
    """The body that clients of the platform send (reference §1.10)."""
    wanted = {
        "type": "authorizedAppIssuer",
        "name": "Workforce Sync",
        "contactEmail": "dana@northwind.example",
        "logo": "https://northwind.example/logo.png",
        "scopes": ["spark-admin:people_read"],
    }

    app = developer.post("/applications", wanted)

    assert (app["type"], app["description"]) == ("serviceApp", "Workforce Sync")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("type", "bot", "botEmail"),
        ("type", "rocket", "serviceApp"),
        ("botEmail", "sync@webex.bot", "botEmail"),
        ("type", None, "type"),
        ("name", "", "name"),
        ("name", "x" * 81, "80"),
        ("name", "Bad\u0007bell", "name"),
        ("name", 7, "name"),
        ("name", None, "name"),
        ("contactEmail", "nobody", "contactEmail"),
        ("scopes", [], "scopes"),
        ("scopes", ["spark-admin:no_such_thing"], "spark-admin:no_such_thing"),
        ("scopes", ["analytics:read_all"], "analytics:read_all"),
        ("scopes", "spark-admin:people_read", "scopes"),
        ("scopes", [["spark-admin:people_read"]], "scopes"),
        ("reasons", {"spark-admin:people_read": "x" * 301}, "reason"),
        ("reasons", ["y"], "reasons"),
        ("logo", "http://northwind.example/logo.png", "logo"),
        ("supportUrl", "javascript:alert(1)", "supportUrl"),
        ("privacyUrl", "https://user@northwind.example/", "privacyUrl"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name_and_changes_nothing(
    world: World, organization: Organization, developer: Caller, field: str, value: Any, named: str
):
    """REG-02 for the addresses of an app."""
    before = len(world.events(organization))

    refused = developer.post("/applications", DRAFT | {field: value}, 400)

    assert any(named in one["description"] for one in refused["errors"])
    assert developer.get("/applications")["items"] == []
    assert len(world.events(organization)) == before


def test_too_many_scopes_are_refused_at_registration_with_the_numbers(developer: Caller):
    many = [name for name, scope in catalogue().items() if scope.service_app is ServiceAppUse.YES][:60]

    refused = developer.post("/applications", DRAFT | {"scopes": many}, 400)

    assert "of 800 characters" in refused["message"]


def test_getting_changing_and_putting_everything_back_round_trips(
    world: World, organization: Organization, developer: Caller
):
    app = developer.post("/applications", DRAFT)
    path = f"/applications/{app['id']}"
    developer.send("PUT", f"{path}/logo", 200, content=picture(), headers={"Content-Type": "image/png"})
    shown = developer.get(path)

    same = developer.put(path, shown)
    changed = developer.put(path, shown | {"name": "Workforce Sync 2"})

    assert same == shown
    assert {name for name in shown if shown[name] != changed[name]} == {"name", "friendlyId", "modified"}
    assert [sorted(event.data) for event in world.events(organization, "app.updated")] == [["logo"], ["name"]]


def test_putting_replaces_and_patching_changes_only_what_is_given(developer: Caller):
    path = f"/applications/{developer.post('/applications', DRAFT)['id']}"
    needed = {name: DRAFT[name] for name in ("name", "description", "contactEmail", "scopes")}

    patched = developer.patch(path, {"description": "Shorter.", "supportUrl": None})
    replaced = developer.put(path, needed)

    assert patched["description"] == "Shorter."
    assert "supportUrl" not in patched
    assert patched["privacyUrl"] == DRAFT["privacyUrl"]
    assert not {"supportUrl", "privacyUrl", "companyName", "logo"} & set(replaced)
    assert replaced["reasons"] == {}
    assert developer.patch(path, {}) == replaced
    developer.put(path, {"name": "Only a name"}, 400)
    refused = developer.patch(path, {"type": "bot"}, 400)

    assert refused["message"] == "The type of an app never changes; this one is serviceApp."


def test_changed_scopes_are_an_event_of_their_own(
    world: World, organization: Organization, developer: Caller
):
    path = f"/applications/{developer.post('/applications', DRAFT)['id']}"

    developer.patch(path, {"scopes": ["spark-admin:people_read"]})

    [event] = world.events(organization, "app.scopes_changed")
    assert event.data["scopes"]["after"] == ["spark-admin:people_read"]


def test_an_app_is_found_by_every_form_of_its_id(world: World, developer: Caller):
    app = developer.post("/applications", DRAFT)
    unpadded = base64.b64decode(app["id"] + "=" * (-len(app["id"]) % 4)).decode()

    assert unpadded == f"ciscospark://us/APPLICATION/{app['clientId']}"
    for form in (app["id"], app["clientId"]):
        assert developer.get(f"/applications/{form}")["id"] == app["id"]


def test_somebody_elses_app_looks_like_none_at_all(
    world: World, calling: Calling, organization: Organization
):
    """CONS-12: the same 404 for a colleague, for another organization, for a deleted app and for nonsense."""
    made = world.service_app(world.developer(organization))
    colleague = calling(world.token(world.full_admin(organization)))
    stranger = calling(world.token(world.full_admin(world.organization())))
    forms = [world.app_id(made), made.client_id, str(made.id)]
    forms += [world.public_id(Kind.APPLICATION, key) for key in ("\0", "nonsense", made.client_id + "\0")]

    messages = {
        caller.send(method, f"/applications/{form}", 404, **body)["message"]
        for caller in (colleague, stranger)
        for form in [*forms, str(uuid.uuid4()), "C" + "0" * 64, "nonsense", "%00"]
        for method, body in (("GET", {}), ("PUT", {"json": DRAFT}), ("PATCH", {"json": {}}), ("DELETE", {}))
    }

    assert messages == {"There is no app with this id, or it is not yours to see."}


def test_a_machine_account_does_not_make_or_change_apps(
    world: World, calling: Calling, organization: Organization
):
    """MACH-02: not even with a scope that a person would need."""
    machine = calling(world.machine_token(organization, "spark:applications_token", "spark:all"))

    refused = machine.post("/applications", DRAFT, 403)
    machine.get("/applications", 403)

    assert "person" in refused["message"]


def test_deleting_an_app_ends_its_authorizations_and_tokens(
    world: World, calling: Calling, organization: Organization
):
    """MACH-04, REG-08."""
    made = world.service_app(world.developer(organization))
    world.authorize(made, world.full_admin(organization))
    machine = calling(world.retrieve(made, organization).access_token.reveal())
    developer = calling(world.token(made.developer))

    developer.delete(f"/applications/{made.client_id}")

    machine.get("/people/me", 401)
    developer.get(f"/applications/{made.client_id}", 404)
    developer.delete(f"/applications/{made.client_id}", 404)
    ended = [event.type for event in world.events(organization)][-3:]
    assert ended == ["account.deleted", "authorization.revoked", "app.deleted"]


def test_a_logo_is_uploaded_shown_and_taken_away(developer: Caller):
    path = f"/applications/{developer.post('/applications', DRAFT)['id']}"
    png = {"Content-Type": "image/png"}

    with_logo = developer.send("PUT", f"{path}/logo", 200, content=picture("JPEG"), headers=png)
    developer.get(with_logo["logo"])
    shown = developer.response

    assert with_logo["logo"].startswith(f"http://localhost:8080/v1{path}/logo?v=")
    assert shown.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(shown.content)).size == (40, 40)

    developer.delete(f"{path}/logo")

    developer.get(f"{path}/logo", 404)
    assert "logo" not in developer.get(path)


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", 400),
        (b"", "image/png", 400),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 300 * 1024, "image/png", 400),
        (picture()[:60], "image/png", 400),
        (picture(side=5000), "image/png", 400),
    ],
)
def test_what_is_no_picture_is_no_logo(developer: Caller, content: bytes, media_type: str, status: int):
    path = f"/applications/{developer.post('/applications', DRAFT)['id']}"

    developer.send("PUT", f"{path}/logo", status, content=content, headers={"Content-Type": media_type})

    assert developer.get(path)["logo"] == DRAFT["logo"]
