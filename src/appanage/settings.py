"""Every setting of a deployment, typed and explained.

A setting is read from the environment (`APPANAGE_…`) or from the TOML file that `APPANAGE_CONFIG` names; the
environment wins.
"""

import os
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def _without_trailing_slash(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        message = "must be an http or https URL such as https://apps.example.com"
        raise ValueError(message)
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_without_trailing_slash)]


class Brand(BaseModel):
    """The names and the accent colour that an operator's users see."""

    product: str = Field("Appanage", description="The name of the platform.")
    portal: str = Field("Developer Portal", description="The name of the console for developers.")
    hub: str = Field("Control Hub", description="The name of the console for administrators.")
    apphub: str = Field("App Hub", description="The name of the app store.")
    accent: str | None = Field(
        None, pattern="^#[0-9a-fA-F]{6}$", description="The accent colour, as #rrggbb."
    )
    logo_url: str | None = Field(
        None, pattern="^/[A-Za-z0-9._/-]+$", description="The logo, as a path on the platform's own host."
    )
    links: list[tuple[str, str]] = Field(
        default_factory=list,
        description="Links at the foot of every page: text and address, such as help and privacy.",
    )


class Lifetimes(BaseModel):
    """How long things live. Durations are ISO 8601 (`P14D`) or seconds."""

    access_token: timedelta = Field(timedelta(days=14), description="An access token of an app.")
    refresh_token: timedelta = Field(
        timedelta(days=90), description="A refresh token, renewed by each refresh."
    )
    personal_token: timedelta = Field(
        timedelta(hours=12), description="The longest life of a personal access token."
    )
    short_access_token: timedelta = Field(
        timedelta(hours=1),
        description="An access token without a refresh token (client credentials, token exchange), "
        "and every access token in strict mode.",
    )
    strict_refresh_token: timedelta = Field(
        timedelta(days=90), description="A refresh token in strict mode, however often it is renewed."
    )
    id_token: timedelta = Field(timedelta(hours=2), description="An ID token.")
    authorization_code: timedelta = Field(
        timedelta(seconds=60), le=timedelta(minutes=10), description="An authorization code."
    )
    pushed_request: timedelta = Field(
        timedelta(seconds=90), description="A pushed authorization request, until it is used."
    )
    device_code: timedelta = Field(timedelta(seconds=300), description="A device code.")
    interaction: timedelta = Field(
        timedelta(minutes=30), description="The way through sign-in and consent, from beginning to decision."
    )
    session_idle: timedelta = Field(timedelta(minutes=30), description="A browser session without activity.")
    session_absolute: timedelta = Field(timedelta(hours=12), description="A browser session in any case.")
    client_secret: timedelta = Field(timedelta(days=730), description="A client secret.")
    signing_key: timedelta = Field(timedelta(days=90), description="How long a key signs new tokens.")
    signing_key_notice: timedelta = Field(
        timedelta(days=1), description="How long a new key is published before it signs."
    )

    @property
    def longest_access_token(self) -> timedelta:
        """For so long the revocation of a token must be remembered."""
        return max(self.access_token, self.short_access_token)


class Settings(BaseSettings):
    """The settings of one deployment."""

    model_config = SettingsConfigDict(env_prefix="APPANAGE_", env_nested_delimiter="__", extra="ignore")

    base_url: BaseUrl = Field(
        "http://127.0.0.1:8080",
        description="The address that users and apps know. The issuer is `<base_url>/v1`.",
    )
    data: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("appanage"),
        description="The folder for the embedded PostgreSQL and the generated secret key.",
    )
    database_url: str | None = Field(
        None,
        description="A PostgreSQL (14 or newer) to use; without it an embedded one is started in the data folder.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="At least 32 random characters; encrypts signing keys and protects forms. "
        "On a loopback address one is generated in the data folder.",
    )
    database_pool: int = Field(10, ge=1, le=200, description="Database connections of one web process.")
    demo: bool = Field(False, description="Serves demonstration data; only on a loopback address.")
    trusted_proxies: list[str] = Field(
        default_factory=lambda: ["127.0.0.1"],
        description="Proxies whose X-Forwarded-For is believed.",
    )
    log_format: str = Field(
        "auto", pattern="^(auto|console|json)$", description="`console`, `json`, or by terminal."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="The least severe level to log."
    )
    id_host: str = Field("ciscospark", pattern="^[a-z0-9-]+$", description="The first part of public ids.")
    id_region: str = Field("us", pattern="^[A-Za-z0-9:_-]+$", description="The second part of public ids.")
    machine_domain: str = Field("machine.internal", description="The domain of machine accounts' addresses.")
    support_email: str | None = Field(
        None, description="Shown on error pages as the address to ask for help."
    )
    limits_storage: str = Field(
        "memory://",
        description="Where rate limits are counted: memory, or a Valkey or Redis URL for several machines.",
    )
    signin_failures_per_account: int = Field(
        5, ge=1, description="Wrong passwords per address and source in 15 minutes."
    )
    signin_failures_per_source: int = Field(50, ge=1, description="Wrong passwords per source in 15 minutes.")
    client_failures_per_client: int = Field(
        30, ge=1, description="Failed client authentications per client and source a minute."
    )
    client_failures_per_source: int = Field(
        100, ge=1, description="Failed client authentications per source a minute."
    )
    beginnings_per_source: int = Field(
        300, ge=1, description="Authorization requests and device codes begun per source a minute."
    )
    traces_per_source: int = Field(
        120, ge=1, description="Refused protocol requests per source a minute that are recorded as events."
    )
    verified_email_domains: list[str] = Field(
        default_factory=list,
        description="Domains whose addresses the platform vouches for: `email_verified` is true for them. `*` is any.",
    )
    requests_per_minute: int = Field(3000, ge=1, description="API requests of one account a minute.")
    strict: bool = Field(
        False,
        description="Strict mode for every app: PKCE for all, short access tokens, refresh tokens that rotate and end, "
        "tokens bound to a key. Single apps may switch it on for themselves.",
    )
    plain_pkce: bool = Field(
        False, description="Accepts the PKCE method `plain` from old clients, outside strict mode."
    )
    resources: list[str] = Field(
        default_factory=list,
        description="Resource servers beside the platform's own API that tokens may be asked for (RFC 8707), as URIs.",
    )
    revocation_poll: timedelta = Field(
        timedelta(milliseconds=500),
        description="How often a process asks for revocations it was not notified of.",
    )
    revocation_stale_after: timedelta = Field(
        timedelta(seconds=3),
        description="After how long without an answer a process stops trusting its index.",
    )
    brand: Brand = Field(default=Brand(), description="Names that users see.")
    lifetimes: Lifetimes = Field(default=Lifetimes(), description="How long things live.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls, toml_file=os.environ.get("APPANAGE_CONFIG"))
        return init_settings, env_settings, toml

    @model_validator(mode="after")
    def _refuse_unsafe_combinations(self) -> Self:
        problems = [sentence for applies, sentence in self._dangers() if applies]
        if problems:
            raise ValueError(" ".join(problems))
        return self

    def _dangers(self) -> list[tuple[bool, str]]:
        secret = self.secret_key.get_secret_value() if self.secret_key else None
        return [
            (
                secret is not None and len(secret) < 32,
                "APPANAGE_SECRET_KEY must have at least 32 characters.",
            ),
            (
                secret is None and not self.is_loopback,
                "Set APPANAGE_SECRET_KEY: outside a loopback address no key is generated.",
            ),
            (
                not self.is_loopback and not self.is_https,
                "APPANAGE_BASE_URL must be https: http is allowed on a loopback address only.",
            ),
            (
                self.demo and not self.is_loopback,
                "The demonstration data may be served on a loopback address only.",
            ),
        ]

    @property
    def issuer(self) -> str:
        return f"{self.base_url}/v1"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @cached_property
    def is_loopback(self) -> bool:
        return is_loopback_host(urlsplit(self.base_url).hostname or "")


def is_loopback_host(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
