"""Authlib's Flask server with Flask-SQLAlchemy; started as a program it makes the database and the tokens."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Engine

FORTNIGHT = 14 * 24 * 3600

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{os.environ['DATABASE']}"
db = SQLAlchemy(app)


@event.listens_for(Engine, "connect")
def speed_up(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)

    def get_user_id(self) -> int:
        return self.id


class Client(db.Model, OAuth2ClientMixin):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("person.id"))
    user = db.relationship("Person")


class Token(db.Model, OAuth2TokenMixin):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("person.id"))
    user = db.relationship("Person")


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """Keeps the refresh token, as the others here do."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    INCLUDE_NEW_REFRESH_TOKEN = False

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = Token.query.filter_by(refresh_token=refresh_token).first()
        return token if token and not token.is_revoked() else None

    def authenticate_user(self, refresh_token: Token) -> Person:
        return db.session.get(Person, refresh_token.user_id)

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Nothing to do: the refresh token stays."""


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = ("client_secret_basic",)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        del token_type_hint
        return Token.query.filter_by(access_token=token_string).first()

    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        del request
        return token.client_id == client.client_id

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {
            "active": True,
            "client_id": token.client_id,
            "token_type": token.token_type,
            "scope": token.get_scope(),
            "sub": str(token.user_id),
            "iat": token.issued_at,
            "exp": token.issued_at + token.expires_in,
        }


save_token = create_save_token_func(db.session, Token)
server = AuthorizationServer(
    app, query_client=create_query_client_func(db.session, Client), save_token=save_token
)
server.register_grant(RefreshTokenGrant)
server.register_endpoint(Introspection)


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/introspect")
def introspect() -> Any:
    return server.create_endpoint_response(Introspection.ENDPOINT_NAME)


def prepare() -> dict[str, list[str]]:
    """The tables, a client, a person, and a pair of tokens for each connection."""
    db.create_all()
    client = Client(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        client_id_issued_at=int(time.time()),
        user_id=1,
    )
    metadata = {"scope": "api", "grant_types": ["refresh_token"], "response_types": []}
    client.set_client_metadata({**metadata, "token_endpoint_auth_method": "client_secret_basic"})
    pairs = [_pair() for _ in range(int(os.environ["TOKENS"]))]
    tokens = {
        "access": [pair.access_token for pair in pairs],
        "refresh": [pair.refresh_token for pair in pairs],
    }
    db.session.add_all([Person(id=1), client, *pairs])
    db.session.commit()
    return tokens


def _pair() -> Token:
    return Token(
        client_id=os.environ["CLIENT_ID"],
        user_id=1,
        token_type="Bearer",  # noqa: S106 – a type
        access_token=secrets.token_urlsafe(),
        refresh_token=secrets.token_urlsafe(),
        scope="api",
        issued_at=int(time.time()),
        expires_in=FORTNIGHT,
    )


if __name__ == "__main__":
    with app.app_context():
        Path(os.environ["TOKENS_FILE"]).write_text(json.dumps(prepare()), encoding="utf-8")
