"""A real Chromium, and people to sit down at it."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from support.person import WIDE, Person

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For one file only: as long as it is there, its event loop runs in this thread, where others need their own."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, (
        "Chromium is missing. Install it (Debian: apt-get install chromium) or name it in CHROMIUM."
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def sit_down(chromium: Browser, live_url: str) -> Iterator[Callable[..., Person]]:
    """Gives a person a fresh browser, with or without JavaScript."""
    opened: list[BrowserContext] = []

    def make(name: str, *, javascript: bool = True) -> Person:
        context = chromium.new_context(viewport=WIDE, java_script_enabled=javascript, reduced_motion="reduce")
        context.set_default_timeout(15_000)
        opened.append(context)
        return Person(context, live_url, name)

    yield make
    for context in opened:
        context.close()
