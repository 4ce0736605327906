"""Every setting of a deployment, typed and explained.

A setting is read from the environment (`APPANAGE_…`) or from the TOML file that `APPANAGE_CONFIG` names; the
environment wins.
"""

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, Field, SecretStr, TypeAdapter, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from appanage.kit.addresses import is_email_address
from appanage.kit.outbound import OutboundPolicy
from appanage.kit.outbound.target import Endpoint
from appanage.kit.smtp import MailSecurity
from appanage.profiles import COMMERCIAL, PROFILES, PasswordHash, Profile, ProfileName

IN_MEMORY = "memory://"
_STORE = re.compile(r"(redis|rediss|redis\+unix|valkey|valkeys|valkey\+unix)://\S+")


def _without_trailing_slash(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        message = "must be an http or https URL such as https://apps.example.com"
        raise ValueError(message)
    return url.rstrip("/")


def _each_a_host(entries: list[str]) -> list[str]:
    for entry in entries:
        Endpoint.listed(entry)
    return entries


def _an_address(text: str) -> str:
    if not (text.isascii() and is_email_address(text)):
        message = "must be an e-mail address such as apps@example.com"
        raise ValueError(message)
    return text


def _a_limits_storage(text: str) -> str:
    if text != IN_MEMORY and not (_STORE.fullmatch(text) and _names_a_place(text)):
        message = (
            f"must be {IN_MEMORY}, or a store such as redis://host:6379 or valkey://:password@host:6379, with signs like "
            "/ in the password percent-encoded"
        )
        raise ValueError(message)
    return text


def _names_a_place(url: str) -> bool:
    """A host, with a port that is a number if any; or the path of a socket."""
    parts = urlsplit(url)
    try:
        is_a_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return bool(parts.path) if parts.scheme.endswith("+unix") else is_a_number and bool(parts.hostname)


BaseUrl = Annotated[str, AfterValidator(_without_trailing_slash)]
LimitsStorage = Annotated[str, AfterValidator(_a_limits_storage)]
Hosts = Annotated[list[str], AfterValidator(_each_a_host)]


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
    """How long things live. Durations are ISO 8601 (`P14D`) or seconds.

    The profile gives some of them another default and bounds them; see the reference of the profiles.
    """

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
    bot_token: timedelta = Field(
        timedelta(days=36500), le=timedelta(days=36500), description="A bot token, unless it is regenerated."
    )
    signing_key: timedelta = Field(timedelta(days=90), description="How long a key signs new tokens.")
    signing_key_notice: timedelta = Field(
        timedelta(days=1), description="How long a new key is published before it signs."
    )

    @property
    def longest_access_token(self) -> timedelta:
        """For so long the revocation of a token must be remembered."""
        return max(self.access_token, self.short_access_token)


class Mail(BaseModel):
    """The mail server that letters are handed to. Without a host they are only kept."""

    host: str | None = Field(
        None, min_length=1, description="The mail server; without it letters are kept and not sent."
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="Its port; 587, 465 or 25 by the way of protection."
    )
    security: MailSecurity = Field(
        MailSecurity.STARTTLS,
        description="How the connection is protected: `starttls`, `tls` from the first byte, or `none`.",
    )
    username: str | None = Field(None, description="The name to sign in with, if the server asks for one.")
    password: SecretStr | None = Field(None, description="The password for it.")
    sender: Annotated[str, AfterValidator(_an_address)] | None = Field(
        None, description="The address that letters come from."
    )
    sender_name: str | None = Field(
        None, max_length=100, description="The name beside it; the product's unless another is given."
    )
    timeout: timedelta = Field(
        timedelta(seconds=15),
        gt=timedelta(0),
        le=timedelta(minutes=1),
        description="How long the server may take for each answer.",
    )


class Settings(BaseSettings):
    """The settings of one deployment."""

    model_config = SettingsConfigDict(env_prefix="APPANAGE_", env_nested_delimiter="__", extra="ignore")

    profile: ProfileName = Field(
        ProfileName.COMMERCIAL,
        description="The rules of the deployment: `commercial`, or `fedramp` for government clouds.",
    )
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
    bot_domain: str = Field(
        "webex.bot",
        pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$",
        description="The domain of bots' addresses.",
    )
    support_email: str | None = Field(
        None, description="Shown on error pages as the address to ask for help."
    )
    limits_storage: LimitsStorage = Field(
        IN_MEMORY,
        description="Where rate limits are counted: `memory://`, by each process for itself, or for all together a "
        "Valkey or Redis: `redis://`, `rediss://` (TLS), `redis+unix://`, or the same with `valkey`.",
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
    apps_per_person: int = Field(
        200, ge=1, description="Apps of one person, with those deleted within the last day."
    )
    proposal_lifetime: timedelta = Field(
        timedelta(days=7),
        gt=timedelta(0),
        description="How long an authorization that two administrators must agree on waits for the second one.",
    )
    requests_per_minute: int = Field(3000, ge=1, description="API requests of one account a minute.")
    sandboxes: bool = Field(
        COMMERCIAL.has_sandboxes,
        description="Whether developers can make sandbox organizations; the profile says so unless this does.",
    )
    sandboxes_per_person: int = Field(2, ge=1, description="Sandboxes that one person can have at a time.")
    sandbox_lifetime: timedelta = Field(
        timedelta(days=90),
        ge=timedelta(days=1),
        description="How long a sandbox lives; in its last 14 days its developer can give it as long again.",
    )
    sandbox_domain: str = Field(
        "sandbox.internal",
        pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$",
        description="The domain under which each sandbox has a domain of its own, for its people's addresses.",
    )
    visits_per_source: int = Field(
        300,
        ge=1,
        description="Looks at the App Hub, by page and API, per source a minute for who is not signed in.",
    )
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
    client_algorithms: list[str] = Field(
        default_factory=lambda: list(COMMERCIAL.client_algorithms),
        min_length=1,
        description="Signature algorithms that clients may use for assertions and DPoP proofs; the profile's unless fewer "
        "are named.",
    )
    password_hash: PasswordHash = Field(
        PasswordHash.ARGON2ID,
        description="How passwords are kept: the profile's way unless another is named.",
    )
    require_fips: bool = Field(
        False, description="Refuses to start unless the cryptographic modules run in FIPS mode."
    )
    outbound: OutboundPolicy = Field(
        OutboundPolicy.PUBLIC,
        description="Which addresses that developers name the platform itself may call, such as those of logos: those of "
        "any `public` host, of the `listed` hosts only, or none (`off`).",
    )
    outbound_hosts: Hosts = Field(
        default_factory=list,
        description="Hosts that may be called, as `host` (at port 443) or `host:port`, although they lie in a private "
        "network; with `listed` they are the only ones.",
    )
    mail: Mail = Field(default=Mail(), description="The mail server.")
    reserved_names: list[str] = Field(
        default_factory=lambda: ["official", "Webex", "Cisco"],
        description="Words that the name of a listed app may not use, beside the names of the platform and its consoles.",
    )
    revocation_poll: timedelta = Field(
        timedelta(milliseconds=500),
        description="How often a process asks for revocations it was not notified of.",
    )
    revocation_stale_after: timedelta = Field(
        timedelta(seconds=3),
        description="After how long without an answer a process stops trusting its index.",
    )
    metrics_for: list[str] = Field(
        default_factory=lambda: ["127.0.0.1", "::1"],
        description="Addresses that may read `/metrics`; for all others there is no such page.",
    )
    remembered: int = Field(
        20_000,
        ge=1,
        description="Of each kind, tokens, clients and answers that a web process remembers: what is remembered needs no "
        "database.",
    )
    requests_at_once: int = Field(
        256,
        ge=1,
        description="Requests that a web process works on at a time; further ones are answered 503 with Retry-After.",
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

    @model_validator(mode="before")
    @classmethod
    def _begin_with_the_profile(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said is what the profile says."""
        name, lifetimes = given.get("profile", ProfileName.COMMERCIAL), given.get("lifetimes", {})
        if isinstance(lifetimes, Lifetimes):
            lifetimes = lifetimes.model_dump(exclude_unset=True)
        if name not in list(PROFILES) or not isinstance(lifetimes, dict):
            return given  # refused by the field itself
        profile = PROFILES[name]
        return profile.defaults | given | {"lifetimes": {**profile.lifetimes, **lifetimes}}

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
            (
                self.require_fips and self.password_hash is PasswordHash.ARGON2ID,
                "APPANAGE_REQUIRE_FIPS: no module knows argon2id; set APPANAGE_PASSWORD_HASH=pbkdf2-hmac-sha-256.",
            ),
            (
                self.bot_domain == self.machine_domain,
                "APPANAGE_BOT_DOMAIN and APPANAGE_MACHINE_DOMAIN must differ.",
            ),
            (
                self.sandbox_domain in {self.bot_domain, self.machine_domain},
                "APPANAGE_SANDBOX_DOMAIN must be another than those of bots and machine accounts.",
            ),
            *self._dangers_of_mail(),
            *self._excesses(),
        ]

    def _dangers_of_mail(self) -> list[tuple[bool, str]]:
        mail = self.mail
        is_open = mail.host is not None and mail.security is MailSecurity.NONE
        return [
            (
                mail.host is not None and mail.sender is None,
                "APPANAGE_MAIL__HOST: set APPANAGE_MAIL__SENDER too, the address that letters come from.",
            ),
            (
                (mail.username is None) != (mail.password is None),
                "APPANAGE_MAIL__USERNAME and APPANAGE_MAIL__PASSWORD go together.",
            ),
            (
                is_open and mail.username is not None and not is_loopback_host(mail.host or ""),
                "APPANAGE_MAIL__SECURITY: without protection the password could be read on its way to the mail server.",
            ),
            (
                is_open and self.require_fips,
                "APPANAGE_REQUIRE_FIPS: letters are sent under TLS only; set APPANAGE_MAIL__SECURITY.",
            ),
        ]

    def _excesses(self) -> list[tuple[bool, str]]:
        """Where a setting goes beyond what the profile permits (checklist GOV-02, GOV-04)."""
        rules = self.rules
        return [
            self._excess("CLIENT_ALGORITHMS", self.client_algorithms, rules.client_algorithms),
            self._excess("PASSWORD_HASH", [self.password_hash], rules.password_hashes),
            self._excess("OUTBOUND", [self.outbound], rules.outbound),
            self._excess("MAIL__SECURITY", [self.mail.security], rules.mail_security),
            *(self._overlong(name, longest) for name, longest in rules.longest.items()),
        ]

    def _excess(self, name: str, chosen: Sequence[str], possible: Sequence[str]) -> tuple[bool, str]:
        strange = ", ".join(one for one in chosen if one not in possible)
        sentence = f"APPANAGE_{name}: {strange} is not possible in the {self.profile} profile; possible: {', '.join(possible)}."
        return bool(strange), sentence

    def _overlong(self, name: str, longest: timedelta) -> tuple[bool, str]:
        most = TypeAdapter(timedelta).dump_python(longest, mode="json")
        sentence = f"APPANAGE_LIFETIMES__{name.upper()}: at most {most} in the {self.profile} profile."
        return getattr(self.lifetimes, name) > longest, sentence

    @property
    def rules(self) -> Profile:
        """What the profile says beside the settings."""
        return PROFILES[self.profile]

    @property
    def own_domains(self) -> frozenset[str]:
        """The domains of addresses that only the platform itself gives."""
        return frozenset({self.machine_domain, self.bot_domain, self.sandbox_domain})

    @property
    def sends_mail(self) -> bool:
        """Whether letters are sent; those of the demonstration are for people who do not exist."""
        return self.mail.host is not None and not self.demo

    @property
    def reserved_words(self) -> list[str]:
        """All words that the name of a listed app may not use."""
        brand = self.brand
        return [*self.reserved_names, brand.product, brand.portal, brand.hub, brand.apphub]

    @cached_property
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
