"""The profile of a deployment: what its settings are, and what they may be (checklist GOV-02, GOV-04)."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from appanage.kit import fips
from appanage.kit.outbound import OutboundPolicy
from appanage.profiles import COMMERCIAL, FEDRAMP, PROFILES, PasswordHash, ProfileName
from appanage.settings import Lifetimes, Settings
from cli.program import appanage

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("APPANAGE_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_the_commercial_profile_is_the_default():
    made = Settings()

    assert made.rules is COMMERCIAL
    assert made.client_algorithms == ["ES256", "ES384", "PS256", "EdDSA", "Ed25519"]
    assert made.password_hash is PasswordHash.ARGON2ID
    assert made.outbound is OutboundPolicy.PUBLIC
    assert made.lifetimes.refresh_token == timedelta(days=90)
    assert made.lifetimes.session_idle == timedelta(minutes=30)


def test_the_fedramp_profile_has_defaults_of_its_own():
    made = Settings(profile=ProfileName.FEDRAMP)

    assert made.rules is FEDRAMP
    assert made.client_algorithms == ["ES256", "ES384", "PS256"]
    assert made.password_hash is PasswordHash.PBKDF2
    assert made.outbound is OutboundPolicy.LISTED
    assert made.outbound_hosts == []
    assert made.lifetimes.access_token == timedelta(days=14)
    assert made.lifetimes.refresh_token == timedelta(days=60)
    assert made.lifetimes.strict_refresh_token == timedelta(days=60)
    assert made.lifetimes.personal_token == timedelta(hours=12)
    assert made.lifetimes.session_idle == timedelta(minutes=15)
    assert made.lifetimes.session_absolute == timedelta(hours=12)


def test_each_profile_keeps_its_own_rules():
    for profile in PROFILES.values():
        made = Settings(profile=profile.name)
        exceeded = [name for name, most in profile.longest.items() if getattr(made.lifetimes, name) > most]

        assert exceeded == []
        assert set(profile.lifetimes) | set(profile.longest) <= set(Lifetimes.model_fields)


def test_it_comes_from_the_environment(environment: pytest.MonkeyPatch):
    environment.setenv("APPANAGE_PROFILE", "fedramp")
    environment.setenv("APPANAGE_LIFETIMES__ACCESS_TOKEN", "P7D")
    environment.setenv("APPANAGE_CLIENT_ALGORITHMS", '["ES384"]')
    made = Settings()

    assert made.rules is FEDRAMP
    assert made.lifetimes.access_token == timedelta(days=7)
    assert made.lifetimes.refresh_token == timedelta(days=60)
    assert made.client_algorithms == ["ES384"]


def test_it_comes_from_the_file(environment: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "appanage.toml"
    file.write_text(
        'profile = "fedramp"\noutbound = "off"\n[lifetimes]\nrefresh_token = "P30D"\nsession_idle = 600\n'
    )
    environment.setenv("APPANAGE_CONFIG", str(file))
    made = Settings()

    assert made.rules is FEDRAMP
    assert made.outbound is OutboundPolicy.OFF
    assert made.lifetimes.refresh_token == timedelta(days=30)
    assert made.lifetimes.session_idle == timedelta(minutes=10)
    assert made.lifetimes.strict_refresh_token == timedelta(days=60)


def test_what_is_lower_than_the_profile_demands_stays():
    lower = {name: longest / 2 for name, longest in FEDRAMP.longest.items()}
    made = Settings(profile=ProfileName.FEDRAMP, client_algorithms=["PS256"], lifetimes=lower)

    assert {name: getattr(made.lifetimes, name) for name in lower} == lower
    assert made.client_algorithms == ["PS256"]


def test_the_commercial_profile_keeps_passwords_either_way():
    made = Settings(password_hash=PasswordHash.PBKDF2)

    assert made.password_hash is PasswordHash.PBKDF2


OVERLONG = [
    (
        {"profile": profile.name, "lifetimes": {name: longest + SECOND}},
        f"LIFETIMES__{name.upper()}: at most {most}",
    )
    for profile in PROFILES.values()
    for name, longest in profile.longest.items()
    for most in [{14: "P14D", 60: "P60D"}.get(longest.days, "")]
]
EXCESSIVE: list[tuple[dict[str, Any], str]] = [
    (
        {"profile": "fedramp", "client_algorithms": ["ES256", "EdDSA"]},
        "APPANAGE_CLIENT_ALGORITHMS: EdDSA is not possible in the fedramp profile; possible: ES256, ES384, PS256.",
    ),
    (
        {"profile": "fedramp", "client_algorithms": ["Ed25519", "RS256"]},
        "APPANAGE_CLIENT_ALGORITHMS: Ed25519, RS256 is not possible in the fedramp profile",
    ),
    ({"client_algorithms": ["HS256"]}, "APPANAGE_CLIENT_ALGORITHMS: HS256 is not possible in the commercial"),
    ({"client_algorithms": ["none"]}, "APPANAGE_CLIENT_ALGORITHMS: none is not possible in the commercial"),
    ({"client_algorithms": []}, "at least 1 item"),
    (
        {"profile": "fedramp", "password_hash": "argon2id"},
        "APPANAGE_PASSWORD_HASH: argon2id is not possible in the fedramp profile; possible: pbkdf2-hmac-sha-256.",
    ),
    ({"password_hash": "md5"}, "'argon2id' or 'pbkdf2-hmac-sha-256'"),
    (
        {"profile": "fedramp", "outbound": "public"},
        "APPANAGE_OUTBOUND: public is not possible in the fedramp profile; possible: listed, off.",
    ),
    ({"require_fips": True}, "APPANAGE_REQUIRE_FIPS: no module knows argon2id"),
    ({"profile": "hipaa"}, "'commercial' or 'fedramp'"),
    ({"profile": ["fedramp"]}, "'commercial' or 'fedramp'"),
    ({"lifetimes": 5}, "lifetimes"),
    ({"lifetimes": []}, "lifetimes"),
    *OVERLONG,
]


@pytest.mark.parametrize(("values", "sentence"), EXCESSIVE, ids=[sentence for _, sentence in EXCESSIVE])
def test_what_goes_beyond_the_profile_is_refused(values: dict[str, Any], sentence: str):
    """GOV-02, GOV-04: the sentence names the setting and what is possible."""
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(values)

    assert sentence in str(refused.value)


def test_every_excess_is_told_at_once():
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"profile": "fedramp", "outbound": "public", "password_hash": "argon2id"})

    assert "APPANAGE_OUTBOUND: " in str(refused.value)
    assert "APPANAGE_PASSWORD_HASH: " in str(refused.value)


@pytest.mark.parametrize(
    "domain",
    ["..a", ".bots.example", "bots..example", "bots.example.", "bot", "-a.example", "a-.example", "10.0.0.5"],
)
def test_the_domain_of_bots_is_a_whole_name(domain: str):
    with pytest.raises(ValidationError, match="bot_domain"):
        Settings(bot_domain=domain)


def test_bots_and_machine_accounts_have_domains_of_their_own():
    """Otherwise a developer could name the address of a machine account."""
    with pytest.raises(ValidationError, match="APPANAGE_BOT_DOMAIN and APPANAGE_MACHINE_DOMAIN must differ"):
        Settings(bot_domain="machine.internal")


def test_no_bot_token_outlives_the_calendar():
    Settings(lifetimes=Lifetimes(bot_token=timedelta(days=36_500)))

    with pytest.raises(ValidationError, match="bot_token"):
        Settings.model_validate({"lifetimes": {"bot_token": timedelta(days=1_000_000)}})


def test_the_modules_are_those_of_python_cryptography_and_the_database():
    """GOV-01: libpq brings an OpenSSL of its own, unless it is built on that of the system."""
    *_, last = found = fips.modules()

    assert [module.user for module in found] == ["Python", "cryptography", "psycopg"]
    assert re.match(r"libpq [0-9]+\.[0-9]+ with (an|the system's) OpenSSL", last.version)
    assert not (last.is_in_fips_mode and "psycopg-binary" in last.version)


@pytest.mark.parametrize("profile", list(ProfileName))
def test_no_profile_has_longer_personal_tokens_than_twelve_hours(profile: ProfileName):
    """GOV-04, SES-07."""
    assert PROFILES[profile].longest["personal_token"] == timedelta(hours=12)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PROFILE": "hipaa"}, "APPANAGE_PROFILE: input should be 'commercial' or 'fedramp'."),
        (
            {"PROFILE": "fedramp", "LIFETIMES__REFRESH_TOKEN": "P61D"},
            "APPANAGE_LIFETIMES__REFRESH_TOKEN: at most P60D in the fedramp profile.",
        ),
        (
            {"PROFILE": "fedramp", "CLIENT_ALGORITHMS": '["EdDSA"]'},
            "APPANAGE_CLIENT_ALGORITHMS: EdDSA is not possible in the fedramp profile; possible: ES256, ES384, PS256.",
        ),
        ({"OUTBOUND_HOSTS": '["https://files.example"]'}, "APPANAGE_OUTBOUND_HOSTS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_the_program_says_so_in_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str):
    """And without a traceback."""
    given = {f"APPANAGE_{name}": value for name, value in settings.items()}
    ended = appanage("serve", "--port", "0", "--data", tmp_path, environment=given)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
