"""Authlib's authorization server, of PyPI, in Flask."""

from collections.abc import Mapping
from typing import ClassVar

from peers.python_peer import PythonPeer


class AuthlibServer(PythonPeer):
    name = "Authlib"
    about = (
        "Its Flask server after the documented example, on granian (WSGI, one thread), Flask-SQLAlchemy on SQLite in "
        "WAL mode with `synchronous=NORMAL`. Opaque tokens."
    )
    packages = ("authlib==1.9.9", "flask==3.1.3", "flask-sqlalchemy==3.1.1")
    helpers = ("requests",)
    application = "authlib_flask:app"
    introspection_path = "/introspect"
    token_path = "/token"
    environment: ClassVar[Mapping[str, str]] = {"AUTHLIB_INSECURE_TRANSPORT": "1"}
