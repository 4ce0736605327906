"""Sandboxes by API: the password is answered once, and nobody else's sandbox is there."""

from datetime import timedelta

from api.conftest import Caller
from appanage.directory.model import Organization, Sandbox
from appanage.kit.ids import Kind
from appanage.signin import service as signin
from support.profiles import commercial_only, fedramp_only
from support.world import World

SANDBOXES = "/sandboxes"


@commercial_only
def test_a_developer_makes_extends_and_ends_a_sandbox(
    world: World, developer: Caller, admin: Caller, organization: Organization
):
    developer.post(SANDBOXES, {"name": " "}, status=400)
    made = developer.post(SANDBOXES, {"name": "Playground"})
    address = f"{SANDBOXES}/{made['id']}"
    password = made.pop("adminPassword")

    assert made["name"] == "Playground"
    assert developer.get(SANDBOXES)["items"] == [made]
    assert developer.get(address) == made
    with world.deployment.transaction(world.origin) as tx:
        passwords = world.deployment.passwords
        assert signin.sign_in(tx, made["adminEmail"], password, passwords=passwords) is not None
    developer.post(f"{address}/extension", status=409)
    with world.deployment.transaction(world.origin) as tx:
        sandbox_id = world.deployment.ids.decode(Kind.ORGANIZATION, made["id"])
        tx.get_one(Sandbox, sandbox_id).expires_at = tx.now + timedelta(days=13)
    assert developer.post(f"{address}/extension")["expires"] > made["created"]
    for method, path in (("GET", address), ("POST", f"{address}/extension"), ("DELETE", address)):
        admin.send(method, path, 404)
    developer.post(SANDBOXES, {"name": "Another"})
    developer.post(SANDBOXES, {"name": "One too many"}, status=409)
    developer.delete(address)
    developer.delete(address, status=409)

    assert "ended" in developer.get(address)
    types = [event.type for event in world.events(organization) if event.type.startswith("sandbox.")]
    assert types == ["sandbox.created", "sandbox.extended", "sandbox.created", "sandbox.ended"]


@fedramp_only
def test_there_are_none_in_the_fedramp_profile(developer: Caller):
    """They live on the commercial side (platform reference §3.6)."""
    developer.get(SANDBOXES, status=404)
    developer.post(SANDBOXES, {"name": "Playground"}, status=404)
