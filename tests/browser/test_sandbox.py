"""A developer's sandbox in a browser: made, entered, extended and ended."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from playwright.sync_api import expect

from appanage.directory.model import Sandbox
from support.person import Person
from support.world import PASSWORD, World


def test_a_developer_makes_a_sandbox_and_ends_it(live: World, sit_down: Callable[..., Person]):
    maya = live.developer(live.organization("Fabrikam GmbH"), name="Maya Lindqvist", password=PASSWORD)
    developer, inside = sit_down("developer with a sandbox"), sit_down("inside the sandbox")
    page = developer.page

    developer.sign_in(maya)
    developer.go("/portal/sandboxes")
    developer.look("no sandbox")
    page.get_by_label("Name").fill("Workforce Sync trials")
    developer.press("Make sandbox")
    developer.look("password")
    address, password = (page.locator(f"#sandbox-{name}").input_value() for name in ("address", "password"))
    sandbox_id = uuid.UUID(urlsplit(page.url).path.split("/")[3])
    page.get_by_role("checkbox").check()
    developer.press("Continue")
    developer.look("sandboxes")
    page.go_back()
    expect(page.locator("#sandbox-password")).to_have_count(0)
    developer.look("password shown already")

    inside.go("/login")
    inside.page.get_by_label("E-mail").fill(address)
    inside.page.get_by_label("Password").fill(password)
    inside.press("Sign in")
    inside.go("/hub/users")
    expect(inside.page.get_by_text("Sandbox until")).to_be_visible()
    inside.look("people")
    inside.go("/portal/sandboxes")
    inside.look("no sandbox in a sandbox")

    with live.deployment.transaction(live.origin) as tx:
        tx.get_one(Sandbox, sandbox_id).expires_at = tx.now + timedelta(days=13)
    developer.go("/portal/sandboxes")
    developer.look("extendable")
    page.get_by_role("button", name="Extend Workforce Sync trials").click()
    expect(page.get_by_text("Workforce Sync trials lives on.")).to_be_visible()
    page.get_by_role("link", name="End Workforce Sync trials").click()
    developer.look("end")
    developer.press("End Workforce Sync trials")
    expect(page.get_by_text("Workforce Sync trials has ended.")).to_be_visible()
    developer.look("ended")
