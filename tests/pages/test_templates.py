"""What the content security policy would block in a browser, found in the sources before."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

WEB = Path(str(files("appanage.web")))
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
ICONS = json.loads((WEB / "static" / "icons.json").read_text(encoding="utf-8"))

COMMENT = re.compile(r"{#.*?#}", re.DOTALL)
JINJA = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
TAG = re.compile(r"<[a-zA-Z][^<>]*>")
LOADING = r"(?:src|srcset|href|action|formaction|data|poster|hx-[a-z]+)\s*=\s*[\"']?\s*"
ICON = re.compile(r"\b(?:icon\(\s*|iconbtn\(\s*|icon_name\s*=\s*)[\"']([^\"']*)[\"']")

IN_MARKUP = {
    "an inline style": re.compile(r"[\s\"']style\s*=", re.IGNORECASE),
    "an inline handler": re.compile(r"[\s\"']on[a-z]+\s*=", re.IGNORECASE),
    "htmx code": re.compile(r"\shx-on|=\s*[\"']js:", re.IGNORECASE),
}
ANYWHERE = {
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "a data: address": re.compile(r"[\"'(=]\s*data:", re.IGNORECASE),
    "a remote address": re.compile(LOADING + r"(?:[a-z]+:)?//", re.IGNORECASE),
    "unescaped text": re.compile(r"\|\s*safe\b|autoescape\s+false", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline stylesheet": re.compile(r"<style\b", re.IGNORECASE),
    "a forbidden attribute in attrs": re.compile(
        r"[\"'](?:style|on[a-z]+|hx-on[^\"']*)[\"']\s*:", re.IGNORECASE
    ),
}


def findings(source: str) -> Iterator[str]:
    text = COMMENT.sub("", source)
    tags = TAG.findall(JINJA.sub("…", text))
    yield from (what for what, pattern in ANYWHERE.items() if pattern.search(text))
    yield from (what for what, pattern in IN_MARKUP.items() if any(pattern.search(tag) for tag in tags))
    yield from (
        "htmx without hx-nonce"
        for tag in tags
        if re.search(r"\shx-", tag) and not re.search(r"\shx-nonce=", tag)
    )
    yield from (
        "a script without nonce" for tag in tags if tag.startswith("<script") and " nonce=" not in tag
    )
    yield from (f"the unknown icon {name}" for name in ICON.findall(text) if name not in ICONS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB / "templates")))
def test_a_template_holds_nothing_that_the_policy_forbids(path):
    assert list(findings(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('<p style="color: red">', "an inline style"),
        ('<p class="a"style="color: red">', "an inline style"),
        ('<p class="{{ a }}" onclick="go()">', "an inline handler"),
        ("<p\nOnLoad = go()>", "an inline handler"),
        ('<a href="javascript:go()">', "a javascript: address"),
        ("<script nonce='{{ nonce }}'>go()</script>", "an inline script"),
        ('<script src="/static/a.js"></script>', "a script without nonce"),
        ("<style>p { color: red }</style>", "an inline stylesheet"),
        ('<img src="https://elsewhere.example/a.png">', "a remote address"),
        ("<a href=//elsewhere.example>", "a remote address"),
        ('<img src="data:image/png;base64,AA">', "a data: address"),
        ("{{ text|safe }}", "unescaped text"),
        ("{% autoescape false %}{{ text }}{% endautoescape %}", "unescaped text"),
        ('<a hx-get="/x">', "htmx without hx-nonce"),
        ('<a hx-get="/x" hx-nonce="{{ nonce }}" hx-on:click="go()">', "htmx code"),
        ('{{ ui.btn("Go", attrs={"onclick": "go()"}) }}', "a forbidden attribute in attrs"),
        ('{{ icon("no-such-icon") }}', "the unknown icon no-such-icon"),
        ('{{ ui.btn("Go", icon_name="no-such-icon") }}', "the unknown icon no-such-icon"),
    ],
)
def test_the_lint_finds_what_the_policy_forbids(source, found):
    assert found in list(findings(source))


@pytest.mark.parametrize(
    "source",
    [
        "<p>Once upon a time, style = everything</p>",
        '{{ ui.field("url", "Address", placeholder="https://app.example/callback") }}',
        '<a href="/apps" hx-get="/apps" hx-nonce="{{ nonce }}">',
        '<script src="{{ asset("console.js") }}" nonce="{{ nonce }}" defer></script>',
        '{{ ui.btn("Go", icon_name="plus", attrs={"hx-post": "/x"}) }}',
        '<time datetime="{{ at|iso }}" class="one">',
        "{# <p style='color: red'> #}",
    ],
)
def test_the_lint_lets_the_rest_pass(source):
    assert list(findings(source)) == []


def test_no_stylesheet_or_script_of_ours_leads_elsewhere():
    ours = [WEB / "static" / name for name in ("console.css", "console.js", "favicon.svg")]

    text = "".join(path.read_text(encoding="utf-8") for path in ours).replace(
        "http://www.w3.org/2000/svg", ""
    )

    assert not re.search(r"https?://|url\(\s*[\"']?(?:data:|//)|@import|innerHTML|\beval\(|\.style\b", text)
