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


@pytest.mark.parametrize(
    ("redirect_uri", "targets"),
    [
        ("https://app.example/callback?x=1", "'self' https://app.example"),
        ("http://127.0.0.1:8400/", "'self' http://127.0.0.1:8400"),
        ("https://user:secret@app.example:8443/", "'self' https://app.example:8443"),
        ("http://[::1]:8400/", "'self' http:"),
        ("https://evil.example;script-src *", "'self' https:"),
        ("com.example.app:/callback", "'self' com.example.app:"),
    ],
)
def test_a_consent_form_may_lead_to_the_redirect_uri_of_the_client(redirect_uri, targets):
    form_action = csp.consent_form_action(redirect_uri)

    assert form_action == targets
    assert (
        f"form-action {targets};"
        in csp.page_headers("signin", "n", form_action=form_action)["Content-Security-Policy"]
    )
