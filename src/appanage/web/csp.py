"""What browsers are allowed to do with our pages: the content security policies and the headers beside them."""

from typing import Literal

Kind = Literal["console", "secret", "signin"]

NOT_USED = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()"


def console_policy(nonce: str) -> str:
    """Scripts need the nonce; of them only htmx may write HTML."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types htmx"
    )


def signin_policy() -> str:
    """No script at all."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def form_post_policy(nonce: str = "") -> str:
    """Of a page that holds an answer in a form for the client: at most one script of ours.

    It has no form-action, because Chromium would hold the client's own redirects against it (decision 0011).
    """
    script = f"script-src 'nonce-{nonce}'; " if nonce else ""
    return (
        f"default-src 'none'; {script}style-src 'self'; img-src 'self'; font-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


KEEPS_OPENER = {"Cross-Origin-Opener-Policy": "unsafe-none"}
"""For pages between a request of an app and its answer: the app may wait for the window that it opened them in."""


def page_headers(kind: Kind, nonce: str) -> dict[str, str]:
    """All security headers of a page: `secret` is a console page that shows a credential."""
    return {
        "Content-Security-Policy": signin_policy() if kind == "signin" else console_policy(nonce),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": NOT_USED,
        "Referrer-Policy": "same-origin" if kind == "console" else "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
