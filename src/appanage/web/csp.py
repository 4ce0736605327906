"""What browsers are allowed to do with our pages: the content security policies and the headers beside them."""

import re
from typing import Literal
from urllib.parse import urlsplit

# The grammar of a policy knows no IPv6 address and nothing outside ASCII (CSP3 §2.3.1).
NAMEABLE_HOST = re.compile(r"[a-z0-9.-]+")

Kind = Literal["console", "secret", "signin"]

NOT_USED = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()"


def console_policy(nonce: str) -> str:
    """Scripts need the nonce; of them only htmx may write HTML."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types htmx"
    )


def signin_policy(form_action: str = "'self'") -> str:
    """No script at all."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
        f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )


def consent_form_action(redirect_uri: str) -> str:
    """The targets of the consent form, for an already validated redirect URI.

    Chromium also checks the redirect that answers a form against form-action.
    """
    uri = urlsplit(redirect_uri)
    if uri.scheme not in {"http", "https"} or not NAMEABLE_HOST.fullmatch(uri.hostname or ""):
        return f"'self' {uri.scheme}:"
    port = f":{uri.port}" if uri.port else ""
    return f"'self' {uri.scheme}://{uri.hostname}{port}"


def page_headers(kind: Kind, nonce: str, *, form_action: str = "'self'") -> dict[str, str]:
    """All security headers of a page: `secret` is a console page that shows a credential."""
    return {
        "Content-Security-Policy": signin_policy(form_action) if kind == "signin" else console_policy(nonce),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": NOT_USED,
        "Referrer-Policy": "same-origin" if kind == "console" else "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
