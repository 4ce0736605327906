"""Handing mail to a mail server, told by real conversations (RFC 5321, RFC 3207)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from appanage.kit.smtp import Delivery, Fate, MailSecurity, MailServer, MailServerFailed
from support.https_server import Authority
from support.live import free_port
from support.mail_server import HANG_UP, Mailbox, mail_server

SENDER, PRIYA = "apps@appanage.example", "priya@northwind.example"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def server_at(mailbox: Mailbox, security: MailSecurity = MailSecurity.NONE, **more: Any) -> MailServer:
    return MailServer("localhost", security, "apps.example", port=mailbox.port, timeout=5, **more)


def letter(text: str = "Hello.\n.\nA line of one dot stands above.\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, PRIYA, "Grüße"
    made.set_content(text, cte="quoted-printable")
    return made


def send(server: MailServer, *to: str) -> list[Delivery]:
    with server.connect() as connection:
        return [connection.send(letter(), sender=SENDER, to=one) for one in to or (PRIYA,)]


@contextmanager
def answering(**answers: str) -> Iterator[Mailbox]:
    """A server that answers lines which begin so with something else."""
    with mail_server() as mailbox:
        mailbox.answer = lambda line: next(
            (say for verb, say in answers.items() if line.startswith(verb)), None
        )
        yield mailbox


@pytest.mark.parametrize("security", MailSecurity)
def test_a_letter_arrives_as_it_was_written(security: MailSecurity, authority: Authority, tmp_path: Path):
    context = None if security is MailSecurity.NONE else authority.serving("localhost", tmp_path)
    with mail_server(
        context, at_once=security is MailSecurity.TLS, username="apps", password="pass"
    ) as mailbox:
        signed_in = {"username": "apps", "password": "pass", "trust": authority.trusted}
        told = send(server_at(mailbox, security, **signed_in), PRIYA, "omar@northwind.example")

    assert told == [Delivery(Fate.SENT)] * 2
    assert mailbox.connections == 1
    assert mailbox.recipients == [PRIYA, "omar@northwind.example"]
    assert mailbox.letters[0]["Subject"] == "Grüße"
    assert mailbox.letters[0].get_content() == letter().get_content()
    assert "EHLO apps.example" in mailbox.lines
    assert not [line for line in mailbox.lines if "CRAM-MD5" in line]


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
def test_a_certificate_that_is_not_trusted_gets_no_letter(
    security: MailSecurity, authority: Authority, tmp_path: Path
):
    context = authority.serving("localhost", tmp_path)
    with mail_server(context, at_once=security is MailSecurity.TLS) as mailbox:
        with pytest.raises(MailServerFailed, match="certificate"):
            send(server_at(mailbox, security))  # trusts the authorities of the machine

        assert mailbox.letters == []


def test_a_server_that_offers_no_protection_learns_nothing():
    """RFC 3207 §6: somebody in between may have removed the offer."""
    with mail_server(username="apps", password="pass") as mailbox:
        with pytest.raises(MailServerFailed, match="STARTTLS"):
            send(server_at(mailbox, MailSecurity.STARTTLS, username="apps", password="pass"))

        assert not [line for line in mailbox.lines if line.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize(
    ("answers", "fate"),
    [
        ({"RCPT": "550 5.1.1 no such person"}, Fate.REFUSED),
        ({"RCPT": "450 4.2.0 try later"}, Fate.POSTPONED),
        ({"DATA": "554 5.6.0 no"}, Fate.REFUSED),
        ({"TAKEN": "554 5.7.1 looks like spam"}, Fate.REFUSED),
        ({"TAKEN": "451 4.3.0 the disk is full"}, Fate.POSTPONED),
    ],
    ids=lambda one: "-".join(one.values()) if isinstance(one, dict) else one,
)
def test_what_concerns_one_letter_leaves_the_connection_to_the_others(answers: dict[str, str], fate: Fate):
    with answering(**answers) as mailbox:
        [told] = send(server_at(mailbox))

    assert told == Delivery(fate, next(iter(answers.values())))
    assert mailbox.lines[-1] == "QUIT"


@pytest.mark.parametrize(
    "answers",
    [
        {"CONNECT": "554 no service"},
        {"MAIL": "550 5.7.1 not from you"},
        {"RCPT": "421 4.3.2 closing"},
        {"TAKEN": "421 4.3.2 closing"},
        {"MAIL": HANG_UP},
        {"TAKEN": HANG_UP},
    ],
    ids=lambda one: "-".join((*one, *one.values())),
)
def test_what_concerns_the_server_is_no_fault_of_a_letter(answers: dict[str, str]):
    with answering(**answers) as mailbox, pytest.raises(MailServerFailed):
        send(server_at(mailbox))


def test_a_wrong_password_is_told_without_it():
    with mail_server(username="apps", password="right") as mailbox:
        server = server_at(mailbox, username="apps", password="wrong-7f3a")
        with pytest.raises(MailServerFailed) as failed:
            send(server)

    assert failed.value.reason.startswith("535")
    assert "wrong-7f3a" not in f"{failed.value}{server!r}"


def test_nobody_there_is_told(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(MailServerFailed, match="ConnectionRefused"):
        send(MailServer("127.0.0.1", MailSecurity.NONE, "apps.example", port=free_port(), timeout=2))


def test_an_address_that_the_server_cannot_write_is_refused():
    """RFC 6531: a name that is not ASCII needs a server that can do with it."""
    only_ascii: Callable[[str], str | None] = lambda line: "250 mail" if line.startswith("EHLO") else None  # noqa: E731
    with mail_server() as mailbox:
        [taken] = send(server_at(mailbox), "grüße@northwind.example")
        mailbox.answer = only_ascii
        [refused] = send(server_at(mailbox), "grüße@northwind.example")

    assert mailbox.recipients == ["grüße@northwind.example"]
    assert (taken.fate, refused.fate) == (Fate.SENT, Fate.REFUSED)


@pytest.mark.parametrize("end", ["", ">"])
def test_nothing_can_be_slipped_into_the_conversation(end: str):
    with mail_server() as mailbox:
        send(server_at(mailbox), f"priya@northwind.example{end}\r\nRCPT TO:<all@northwind.example>")

    assert not [line for line in mailbox.lines if line.startswith("RCPT TO:<all")]
    assert mailbox.recipients in ([], ["priya@northwind.example"])
