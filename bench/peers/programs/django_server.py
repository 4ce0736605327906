"""django-oauth-toolkit as its documentation sets it up; started as a program it makes the database and the tokens."""

import json
import os
import secrets
from datetime import timedelta
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY=secrets.token_hex(),
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    LOGGING_CONFIG=None,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
    OAUTH2_PROVIDER={
        "SCOPES": {"api": "The API", "introspection": "Introspection"},
        "ACCESS_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,
        "ROTATE_REFRESH_TOKEN": False,
    },
)
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402 – what follows needs the settings
from django.urls import include, path  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
application = WSGIHandler()


def prepare() -> dict[str, list[str]]:
    """The tables, a client, a person, and a pair of tokens for each connection."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    person = User.objects.create_user("person")
    client = Application.objects.create(
        name="Benchmark",
        user=person,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        hash_client_secret=False,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://app.example.com/callback",
    )
    pairs = [_pair(person, client) for _ in range(int(os.environ["TOKENS"]))]
    # A refresh ends the access token before, so those that are introspected are other ones.
    lasting = [_pair(person, client) for _ in pairs]
    return {"access": [access for access, _ in lasting], "refresh": [refresh for _, refresh in pairs]}


def _pair(person: object, client: object) -> tuple[str, str]:
    from django.utils import timezone
    from oauth2_provider.models import AccessToken, RefreshToken

    until = timezone.now() + timedelta(days=14)
    common = {"user": person, "application": client}
    access = AccessToken.objects.create(token=secrets.token_urlsafe(), expires=until, scope="api", **common)
    refresh = RefreshToken.objects.create(token=secrets.token_urlsafe(), access_token=access, **common)
    return access.token, refresh.token


if __name__ == "__main__":
    Path(os.environ["TOKENS_FILE"]).write_text(json.dumps(prepare()), encoding="utf-8")
