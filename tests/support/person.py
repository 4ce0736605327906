"""A person at a real browser, who looks closely at every page."""

import os
import re
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ViewportSize, expect

from appanage.directory.model import Account
from support.world import PASSWORD

WIDE = ViewportSize(width=1280, height=900)
NARROW = ViewportSize(width=360, height=800)
ARTEFACTS = os.environ.get("APPANAGE_ARTEFACTS")


class Person:
    """Somebody at a browser. `look` checks the page that is shown, and keeps pictures of it where a folder is named."""

    def __init__(self, context: BrowserContext, base_url: str, name: str) -> None:
        self.page = context.new_page()
        self.context = context
        self.base_url = base_url
        self.name = name
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._looks = 0
        self._shot = ""

    def go(self, path: str) -> None:
        self.page.goto(self.base_url + path)

    def sign_in(self, account: Account) -> None:
        self.go("/login")
        self.page.get_by_label("E-mail").fill(account.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def look(self, shot: str) -> None:
        """Title, labels, accessibility, no complaint of the console, no sideways scrolling; light, dark and narrow."""
        self._looks += 1
        self._shot = shot.replace(" ", "-")
        self.page.wait_for_load_state()
        self._check_title()
        self._keep("light")
        self._examine()
        self._examine_dark()
        self._examine_narrow()
        assert self.complaints == [], f"the console on {self.page.url}"

    def _check_title(self) -> None:
        heading = self.page.locator("h1").inner_text().rstrip("?")
        expect(self.page).to_have_title(re.compile(re.escape(heading), re.IGNORECASE))

    def _examine(self, *rules: str) -> None:
        """By axe: all rules, or these."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = self.page.evaluate("options => axe.run(options).then(({violations}) => violations)", options)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], f"axe on {self.page.url}"

    def _examine_dark(self) -> None:
        self.page.emulate_media(color_scheme="dark")
        self._keep("dark")
        self._examine("color-contrast")
        self.page.emulate_media(color_scheme="light")

    def _examine_narrow(self) -> None:
        self.page.set_viewport_size(NARROW)
        self._keep("narrow")
        overflow = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        self.page.set_viewport_size(WIDE)
        assert overflow <= 0, f"{self.page.url} scrolls sideways by {overflow} px at 360 px"

    def _keep(self, how: str) -> None:
        if ARTEFACTS:
            path = Path(ARTEFACTS) / "screenshots" / self.name / f"{self._looks:02d}-{self._shot}-{how}.png"
            self.page.screenshot(path=path, full_page=True)

    def _listen(self, message: Any) -> None:
        shown_again = "responded with a status of 422" in message.text  # a form with its errors is no error
        if message.type in {"error", "warning"} and not shown_again:
            self.complaints.append(f"{message.type}: {message.text}")
