"""Letters are handed to the mail server at least once, tried again for days, and then given up."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.errors import HeaderParseError
from email.message import EmailMessage
from typing import Any

import pytest

from appanage.deployment import Deployment
from appanage.mail import sending
from appanage.mail.model import Letter
from appanage.mail.queries import LetterState, count_lately, state_of
from appanage.mail.sending import LEASE, PAUSES, Office, message_of, send_due
from support.clock import MovableClock
from support.letters import forget_letters, letters, to
from support.live import free_port
from support.mail_server import HANG_UP, Mailbox, mail_server
from support.world import World

NAMES = ("Priya Raman", "Omar Haddad", "Grüße Ärger")


@pytest.fixture(scope="module")
def database_url(new_prepared_database: Callable[[], str]) -> str:
    """A database of one's own: here every letter is sent."""
    return new_prepared_database()


@pytest.fixture
def world(deployment: Deployment) -> World:
    made = World(deployment)
    forget_letters(made)
    return made


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


def at_once(_: float) -> bool:
    """A pause that is none."""
    return False


def write(world: World, *names: str, **values: Any) -> None:
    with world.deployment.transaction(world.origin) as tx:
        for number, name in enumerate(names or NAMES):
            written = {
                "about": f"event:{number}",
                "address": f"person{number}@northwind.example",
                "name": name,
                "subject": "“Workforce Sync” was suspended – überall",
                "body": "The operator suspended “Workforce Sync”.\n.\nfrom a line with a dot\n",
                "written_at": tx.now,
                "next_attempt_at": tx.now,
            }
            tx.add(Letter(**(written | values)))


def office(new_deployment: Callable[..., Deployment], port: int, **mail: Any) -> Office:
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "apps@appanage.example"}
    found = Office.of(new_deployment(mail=settings | mail).settings)
    assert found is not None
    return found


def send(world: World, post: Office, pause: Callable[[float], bool] = at_once) -> int:
    return send_due(world.deployment.database, post, pause)


def states(world: World) -> dict[str, str]:
    return {name: state_of(one).value for name, one in to(letters(world)).items()}


@contextmanager
def answers(mailbox: Mailbox, begins: str, answer: str | None) -> Iterator[None]:
    """To lines that begin so, as long as the block lasts."""
    mailbox.answer = lambda line: answer if line.startswith(begins) else None
    yield
    mailbox.answer = lambda _: None


def test_letters_arrive_over_one_connection_and_once(world: World, new_deployment: Any, mailbox: Mailbox):
    write(world)
    post = office(new_deployment, mailbox.port, sender_name="The “Platform”\r\nBcc: x@y.example")
    sent, again = send(world, post), send(world, post)
    row = to(letters(world))["Priya Raman"]
    [first] = [one for one in mailbox.letters if one["To"].addresses[0].addr_spec == row.address]

    assert (sent, again) == (3, 0)
    assert mailbox.connections == 1
    assert states(world) == dict.fromkeys(NAMES, "sent")
    assert row.sent_at is not None
    assert sorted(mailbox.recipients) == [f"person{n}@northwind.example" for n in range(3)]
    assert {one["To"].addresses[0].display_name for one in mailbox.letters} == set(NAMES)
    assert first["From"].addresses[0].addr_spec == "apps@appanage.example"
    assert first["Bcc"] is None
    assert first["Subject"] == "“Workforce Sync” was suspended – überall"
    assert first.get_content() == row.body
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == f"<{row.id}@appanage.example>"
    assert first["Date"].datetime == row.written_at.replace(microsecond=0)


def test_a_letter_that_was_taken_and_not_noted_is_sent_again_under_the_same_name(
    world: World, clock: MovableClock, new_deployment: Any, mailbox: Mailbox
):
    """At least once: mailboxes know it by its Message-ID."""
    write(world, "Priya Raman")
    post = office(new_deployment, mailbox.port)
    with answers(mailbox, "TAKEN", HANG_UP):
        send(world, post)
    clock.advance(minutes=2)
    send(world, post)

    assert len(mailbox.letters) == 2
    assert len({one["Message-ID"] for one in mailbox.letters}) == 1
    assert states(world) == {"Priya Raman": "sent"}


def test_an_address_that_is_refused_is_given_up_and_the_others_get_their_letters(
    world: World, new_deployment: Any, mailbox: Mailbox
):
    write(world)
    with answers(mailbox, "RCPT TO:<person1@", "550 5.1.1 no such person"):
        send(world, office(new_deployment, mailbox.port))

    assert states(world) == {"Priya Raman": "sent", "Omar Haddad": "failed", "Grüße Ärger": "sent"}
    assert to(letters(world))["Omar Haddad"].failure == "550 5.1.1 no such person"


def test_an_address_that_is_none_is_given_up(world: World, new_deployment: Any, mailbox: Mailbox):
    write(world, "Priya Raman", address="x@y\r\nBcc: all@northwind.example")
    send(world, office(new_deployment, mailbox.port))

    assert states(world) == {"Priya Raman": "failed"}
    assert mailbox.letters == []


def test_no_name_writes_a_header(world: World, new_deployment: Any, mailbox: Mailbox):
    """RFC 2047: an encoded word in the name of a person, an organization or an app stays the letters that it is."""
    word = "=?utf-8?q?x=0D=0ABcc:_all=40northwind.example=0D=0A=0D=0Abody?="
    hidden = f"=\u200e\x01\u2066{word[1:]}"
    mixed = f"Ärger {word}"
    for number, name in enumerate((word, hidden, mixed)):
        write(world, name, about=f"name:{number}", subject=f"{name} of {name} asks to authorize “{name}”")
    write(
        world,
        "Address",
        about="address",
        address="=?utf-8?q?x=0D=0ABcc=3A_y=40e.com=0D=0AX=3A?=@northwind.example",
    )
    write(world, "Priya Raman", about="harmless")
    send(world, office(new_deployment, mailbox.port, sender_name=word))

    assert states(world) == {
        **dict.fromkeys((word, hidden, mixed, "Priya Raman"), "sent"),
        "Address": "failed",
    }
    for letter in mailbox.letters:
        assert letter.keys() == mailbox.letters[0].keys()
        assert letter["Bcc"] is None
        assert len(letter["To"].addresses) == 1
        assert letter.get_content().startswith("The operator")
    assert {one["To"].addresses[0].display_name[:10] for one in mailbox.letters} == {
        "= ?utf-8?q",
        "Ärger = ?u",
        "Priya Rama",
    }
    assert "Its headers" in (to(letters(world))["Address"].failure or "")


def test_a_letter_that_cannot_be_written_keeps_no_other_waiting(
    world: World, new_deployment: Any, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    def written(letter: Letter, office: Office) -> EmailMessage:
        if letter.name == "Omar Haddad":
            raise HeaderParseError("a word that has no end")
        return message_of(letter, office)

    monkeypatch.setattr(sending, "message_of", written)
    write(world)
    send(world, office(new_deployment, mailbox.port))

    assert states(world) == {"Priya Raman": "sent", "Omar Haddad": "failed", "Grüße Ärger": "sent"}
    assert "HeaderParseError: a word that has no end" in (to(letters(world))["Omar Haddad"].failure or "")


def test_a_mailbox_outside_ascii_gets_its_letter_from_a_server_that_can(
    world: World, new_deployment: Any, mailbox: Mailbox
):
    """RFC 6531, RFC 6532."""
    write(world, "Jörg Ärger", address="jörg@bücher.example")
    send(world, office(new_deployment, mailbox.port))
    mailbox.answer = lambda line: "250 mail" if line.startswith("EHLO") else None
    write(world, "Jörg Groß", about="another", address="jörg@northwind.example")
    write(world, "Priya Raman", about="harmless")
    send(world, office(new_deployment, mailbox.port))

    assert states(world) == {"Jörg Ärger": "sent", "Jörg Groß": "failed", "Priya Raman": "sent"}
    assert mailbox.recipients[0] == "jörg@bücher.example"
    assert "SMTPUTF8" in (to(letters(world))["Jörg Groß"].failure or "")


def test_it_is_tried_again_with_growing_pauses_and_then_given_up(
    world: World, clock: MovableClock, new_deployment: Any, mailbox: Mailbox
):
    write(world, "Priya Raman")
    post, waited = office(new_deployment, mailbox.port), []
    with answers(mailbox, "RCPT", "450 4.2.0 the mailbox is locked"):
        while True:
            send(world, post)
            [letter] = letters(world)
            if letter.next_attempt_at is None:
                break
            waited.append(letter.next_attempt_at - clock())
            clock.moved += waited[-1] + timedelta(seconds=1)

    assert [round(one.total_seconds(), -1) for one in waited] == [one.total_seconds() for one in PAUSES]
    assert (letter.attempts, state_of(letter)) == (len(PAUSES) + 1, LetterState.FAILED)
    assert letter.failure == "450 4.2.0 the mailbox is locked"
    assert send(world, post) == 0


def test_while_the_server_is_away_one_letter_finds_out_for_all(
    world: World, clock: MovableClock, new_deployment: Any, mailbox: Mailbox
):
    write(world)
    sent = send(world, office(new_deployment, free_port()))
    attempts = sorted(one.attempts for one in letters(world))
    clock.advance(minutes=2)

    assert (sent, attempts) == (0, [0, 0, 1])
    assert set(states(world).values()) == {"waiting"}
    assert send(world, office(new_deployment, mailbox.port)) == 3


def test_what_one_worker_has_taken_no_other_takes_until_it_must_be_dead(
    world: World, clock: MovableClock, new_deployment: Any, mailbox: Mailbox
):
    write(world)
    post = office(new_deployment, mailbox.port)
    others: list[int] = []

    def meanwhile(line: str) -> str | None:
        if line.startswith("MAIL"):
            others.append(send_due(world.deployment.database, post, at_once))
        return HANG_UP if line.startswith("MAIL") else None

    def die(_: float) -> bool:
        raise KeyboardInterrupt

    mailbox.answer = meanwhile
    send(world, post)
    mailbox.answer = lambda _: None
    clock.advance(minutes=2)
    with pytest.raises(KeyboardInterrupt):
        send(world, post, die)
    after_the_death = send(world, post)
    clock.moved += LEASE

    assert others == [0]
    assert after_the_death == 0
    assert send(world, post) == 3


def test_when_it_is_time_to_stop_the_rest_is_left_for_later(
    world: World, new_deployment: Any, mailbox: Mailbox
):
    write(world)
    post = office(new_deployment, mailbox.port)
    told = iter([False, True])
    stopped = send(world, post, lambda _: next(told))

    assert stopped == 1
    assert sorted(one.attempts for one in letters(world)) == [0, 0, 1]
    assert send(world, post) == 2


def test_logs_hold_neither_credentials_nor_texts(
    world: World, new_deployment: Any, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    write(world)
    mailbox.username, mailbox.password = "apps", "another"
    send(world, office(new_deployment, mailbox.port, username="apps", password="pass-7f3a9c"))
    mailbox.username = ""
    with answers(mailbox, "RCPT", "550 no"):
        send(world, office(new_deployment, mailbox.port))

    assert "mail server failed" in caplog.text
    assert "letter given up" in caplog.text
    for secret in ("pass-7f3a9c", "Workforce", "northwind"):
        assert secret not in caplog.text


@pytest.mark.parametrize("settings", [{}, {"demo": True}])
def test_nothing_is_sent_without_a_server_nor_in_the_demonstration(
    new_deployment: Callable[..., Deployment], settings: dict[str, Any]
):
    mail = {"host": "mail.example", "sender": "apps@appanage.example"} if settings else {}

    assert Office.of(new_deployment(mail=mail, **settings).settings) is None


def test_letters_are_counted_by_what_became_of_them(world: World, clock: MovableClock):
    write(world, "Priya Raman")
    write(world, "Omar Haddad", about="sent", sent_at=clock(), next_attempt_at=None)
    write(world, "Lena Vogt", about="failed", failure="550 no", next_attempt_at=None)
    write(world, "Eva Brandt", about="kept", next_attempt_at=None)
    with world.deployment.transaction(world.origin) as tx:
        now = count_lately(tx, timedelta(days=1))
    clock.advance(days=2)
    with world.deployment.transaction(world.origin) as tx:
        later = count_lately(tx, timedelta(days=1))

    assert {state.value: count for state, count in now.items()} == dict.fromkeys(LetterState, 1)
    assert {state.value: count for state, count in later.items() if count} == {"waiting": 1}
