"""A real mail server on 127.0.0.1 that takes every letter, unless it is told to answer otherwise."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

HANG_UP = ""
"""An answer that is none: the connection ends."""

OFFERS = ("SIZE 10000000", "8BITMIME", "SMTPUTF8")


@dataclass
class Mailbox:
    """What the server took, and how it answers. `answer` is given each line and may say something else than usual."""

    port: int = 0
    username: str = ""
    password: str = ""
    offers_starttls: bool = False
    answer: Callable[[str], str | None] = lambda _: None
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0


@contextmanager
def mail_server(
    context: ssl.SSLContext | None = None, *, at_once: bool = False, **settings: str
) -> Iterator[Mailbox]:
    """Serves until the block ends. With a `context` it offers STARTTLS, or speaks TLS `at_once`."""
    mailbox = Mailbox(**settings, offers_starttls=context is not None and not at_once)  # type: ignore[arg-type]
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        mailbox.port = listening.getsockname()[1]
        arguments = (listening, mailbox, context, at_once, closing)
        thread = threading.Thread(target=_serve, args=arguments, daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            closing.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _serve(
    listening: socket.socket,
    mailbox: Mailbox,
    context: ssl.SSLContext | None,
    at_once: bool,
    closing: threading.Event,
) -> None:
    while not closing.is_set():
        with suppress(OSError):  # the client has gone, or the listening has ended
            plain, _ = listening.accept()
            mailbox.connections += 1
            plain.settimeout(10)
            with plain:
                connection = context.wrap_socket(plain, server_side=True) if context and at_once else plain
                _Conversation(connection, mailbox, context).hold()


class _Conversation:
    def __init__(self, connection: socket.socket, mailbox: Mailbox, context: ssl.SSLContext | None) -> None:
        self.connection, self.mailbox, self.context = connection, mailbox, context
        self.file = connection.makefile("rb")
        self.recipient = ""

    def hold(self) -> None:
        try:
            self.talk()
        finally:
            self.file.close()
            self.connection.close()

    def talk(self) -> None:
        self.say(self.mailbox.answer("CONNECT") or "220 mail.example")
        while line := self.next_line():
            self.mailbox.lines.append(line)
            answer = self.mailbox.answer(line)
            if answer == HANG_UP:
                return
            if not self.say(answer or self.usual(line)):
                return

    def next_line(self) -> str:
        """With the verb in capitals, which clients write as they like."""
        verb, blank, rest = self.file.readline().decode().rstrip("\r\n").partition(" ")
        return f"{verb.upper()}{blank}{rest}"

    def say(self, answer: str) -> bool:
        """False when that was the last word."""
        self.connection.sendall(answer.encode() + b"\r\n")
        if answer == "220 go":
            assert self.context
            self.file.close()
            self.connection = self.context.wrap_socket(self.connection, server_side=True)
            self.file = self.connection.makefile("rb")
        return not answer.startswith(("221", "421", "554 no"))

    def usual(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        if verb == "RCPT":
            self.recipient = rest.removeprefix("TO:").partition(" ")[0].strip("<>")
        special = {
            "EHLO": self.greeting,
            "STARTTLS": lambda: "220 go",
            "AUTH": lambda: self.signed_in(rest),
            "DATA": self.taken,
            "QUIT": lambda: "221 bye",
        }
        return special.get(verb, lambda: "250 yes")()

    def greeting(self) -> str:
        is_plain = not isinstance(self.connection, ssl.SSLSocket)
        offers = [*OFFERS, *(["STARTTLS"] if self.mailbox.offers_starttls and is_plain else [])]
        offers += ["AUTH CRAM-MD5 PLAIN"] if self.mailbox.username else []
        return "\r\n".join(["250-mail.example", *(f"250-{one}" for one in offers), "250 HELP"])

    def signed_in(self, rest: str) -> str:
        known = f"\0{self.mailbox.username}\0{self.mailbox.password}".encode()
        given = base64.b64decode(rest.partition(" ")[2] or b"")
        return "235 welcome" if given == known else "535 5.7.8 who are you"

    def taken(self) -> str:
        self.connection.sendall(b"354 go on\r\n")
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            assert line, "the letter has an end"
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        answer = self.mailbox.answer("TAKEN")
        if answer is None or answer == HANG_UP:
            message = message_from_bytes(b"".join(lines).replace(b"\r\n", b"\n"), policy=default)
            self.mailbox.letters.append(message)
            self.mailbox.recipients.append(self.recipient)
        if answer == HANG_UP:
            raise OSError("gone")
        return answer or "250 taken"
