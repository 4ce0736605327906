"""What may be said about the mail server; what would let letters or passwords be read on the way is refused at the start."""

import os
from typing import Any

import pytest
from pydantic import ValidationError

from appanage.kit.smtp import MailSecurity
from appanage.mail.sending import Office
from appanage.profiles import ProfileName
from appanage.settings import Settings

SENDING = {"host": "mail.example", "sender": "apps@appanage.example"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("APPANAGE_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def refusal(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Settings(**settings)
    return str(refused.value)


def test_letters_are_kept_unless_a_server_is_named():
    assert not Settings().sends_mail
    assert Office.of(Settings()) is None


def test_it_comes_from_the_environment(environment: pytest.MonkeyPatch):
    for name, value in {
        "HOST": "mail.example",
        "SECURITY": "tls",
        "USERNAME": "apps",
        "PASSWORD": "pass-7f3a9c",
        "SENDER": "apps@appanage.example",
        "TIMEOUT": "PT5S",
    }.items():
        environment.setenv(f"APPANAGE_MAIL__{name}", value)
    made = Settings(base_url="https://apps.example", secret_key="k" * 32)
    office = Office.of(made)

    assert office is not None
    assert (office.server.security, office.server.name, office.server.timeout) == ("tls", "apps.example", 5)
    assert (office.sender, office.sender_name) == ("apps@appanage.example", "Appanage")
    assert office.server.password == "pass-7f3a9c"
    assert "pass-7f3a9c" not in f"{made!r}{office!r}"


@pytest.mark.parametrize(
    ("mail", "names"),
    [
        ({"host": "mail.example"}, "APPANAGE_MAIL__SENDER"),
        (SENDING | {"username": "apps"}, "APPANAGE_MAIL__PASSWORD"),
        (SENDING | {"security": "none", "username": "apps", "password": "x"}, "APPANAGE_MAIL__SECURITY"),
        (SENDING | {"sender": "apps@appanage.example\nBcc: x@y.example"}, "e-mail address"),
        (SENDING | {"port": 0}, "mail.port"),
    ],
)
def test_what_cannot_work_or_is_unsafe_is_refused(mail: dict[str, Any], names: str):
    assert names in refusal(mail=mail)


def test_a_server_on_the_same_machine_may_do_without_protection():
    mail = SENDING | {"host": "localhost", "security": "none", "username": "apps", "password": "x"}

    assert Settings.model_validate({"mail": mail}).sends_mail


def test_government_clouds_send_under_tls_only():
    """GOV-04."""
    openly = SENDING | {"security": "none"}
    kept = Settings.model_validate({"profile": "fedramp", "mail": SENDING})

    assert "none is not possible in the fedramp profile" in refusal(profile=ProfileName.FEDRAMP, mail=openly)
    assert "APPANAGE_REQUIRE_FIPS" in refusal(
        require_fips=True, password_hash="pbkdf2-hmac-sha-256", mail=openly
    )
    assert kept.mail.security is MailSecurity.STARTTLS
