"""The headers that every page carries."""

import pytest

from appanage.web import csp


def test_console_pages_run_only_scripts_with_the_nonce():
    headers = csp.page_headers("console", "n0nce")

    assert "script-src 'nonce-n0nce';" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].endswith(
        "require-trusted-types-for 'script'; trusted-types htmx"
    )
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("kind", ["console", "secret", "signin"])
def test_every_page_is_framed_by_nobody_and_kept_by_nobody(kind):
    headers = csp.page_headers(kind, "n0nce")

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    for rule in (
        "default-src 'none'",
        "img-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert rule in headers["Content-Security-Policy"].split("; ")


def test_sign_in_pages_run_no_script_and_send_no_referrer():
    headers = csp.page_headers("signin", "n0nce")

    assert "script" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(("nonce", "script"), [("n0nce", "script-src 'nonce-n0nce'"), ("", None)])
def test_a_page_that_posts_an_answer_runs_one_script_at_most_and_holds_no_redirect_against_the_client(
    nonce, script
):
    """Decision 0011."""
    rules = csp.form_post_policy(nonce).split("; ")

    assert [rule for rule in rules if rule.startswith("script-src")] == ([script] if script else [])
    assert "default-src 'none'" in rules
    assert "frame-ancestors 'none'" in rules
    assert not any(rule.startswith("form-action") for rule in rules)
