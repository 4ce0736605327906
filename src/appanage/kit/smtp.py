"""Handing mail to the operator's mail server (RFC 5321), and what became of each message."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from enum import StrEnum

from appanage.kit.text import one_line

_LONGEST_REASON = 300
_CLOSING = 421  # RFC 5321 §3.8
_USUAL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"  # from the first byte
    NONE = "none"


class Fate(StrEnum):
    """What became of one message."""

    SENT = "sent"
    REFUSED = "refused"  # for ever: the address or the message is at fault
    POSTPONED = "postponed"


@dataclass(frozen=True, slots=True)
class Delivery:
    fate: Fate
    reason: str = ""


class MailServerFailed(Exception):
    """The server cannot be reached, or takes nothing from us: no message is at fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = one_line(reason)[:_LONGEST_REASON]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. `name` is by which we greet; a certificate is always verified."""

    host: str
    security: MailSecurity
    name: str
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 15.0
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context

    @contextmanager
    def connect(self) -> Iterator["MailConnection"]:
        """One connection for many messages. Raises MailServerFailed."""
        try:
            client = self._opened()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise MailServerFailed(_reason(error)) from error
        try:
            yield MailConnection(client)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()

    def _opened(self) -> smtplib.SMTP:
        client = self._dialled()
        try:
            if self.security is MailSecurity.STARTTLS:
                client.starttls(
                    context=self.trust()
                )  # raises where the server, or somebody between us, offers none
            client.ehlo_or_helo_if_needed()
            if self.username:
                _forget_md5(client)
                client.login(self.username, self.password)
        except BaseException:
            client.close()
            raise
        return client

    def _dialled(self) -> smtplib.SMTP:
        port, name, timeout = self.port or _USUAL_PORTS[self.security], self.name, self.timeout
        if self.security is MailSecurity.TLS:
            return smtplib.SMTP_SSL(
                self.host, port, local_hostname=name, timeout=timeout, context=self.trust()
            )
        return smtplib.SMTP(self.host, port, local_hostname=name, timeout=timeout)


@dataclass(frozen=True, slots=True)
class MailConnection:
    _client: smtplib.SMTP

    def send(self, message: EmailMessage, *, sender: str, to: str) -> Delivery:
        """Hands over one message for one recipient. Raises MailServerFailed when the others need not be tried."""
        try:
            return self._send(message, sender, to)
        except MailServerFailed:
            raise
        except smtplib.SMTPDataError as error:
            return self._decided(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:  # which only an address can be the cause of
            return Delivery(Fate.REFUSED, "The mail server takes no address outside ASCII (SMTPUTF8).")
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerFailed(_reason(error)) from error
        except Exception as error:  # noqa: BLE001 – it cannot be written as mail: the other messages can
            self._forget()
            return Delivery(
                Fate.REFUSED, one_line(f"This cannot be written as mail: {_reason(error)}")[:_LONGEST_REASON]
            )

    def _send(self, message: EmailMessage, sender: str, to: str) -> Delivery:
        is_international = not to.isascii()
        options = ("SMTPUTF8", "BODY=8BITMIME") if is_international else ()
        code, answer = self._client.mail(sender, options)
        if not _is_yes(code):
            raise MailServerFailed(f"It takes no mail from {sender}: {code} {_words(answer)}")
        code, answer = self._client.rcpt(to)
        if _is_yes(code):
            code, answer = self._client.data(message.as_bytes(policy=SMTPUTF8 if is_international else SMTP))
        return self._decided(code, answer)

    def _decided(self, code: int, answer: bytes | str) -> Delivery:
        reason = f"{code} {_words(answer)}"[:_LONGEST_REASON]
        if _is_yes(code):
            return Delivery(Fate.SENT)
        if code in {_CLOSING, -1}:
            raise MailServerFailed(reason)
        self._forget()
        return Delivery(Fate.REFUSED if code >= 500 else Fate.POSTPONED, reason)

    def _forget(self) -> None:
        """What was begun of this message; if that fails, the next one finds out."""
        with suppress(smtplib.SMTPException, OSError):
            self._client.rset()


def _forget_md5(client: smtplib.SMTP) -> None:
    """CRAM-MD5 would be tried first; it protects nothing that TLS does not, and a FIPS module refuses it."""
    offered = client.esmtp_features.get("auth", "")
    client.esmtp_features["auth"] = " ".join(one for one in offered.split() if one.upper() != "CRAM-MD5")


def _is_yes(code: int) -> bool:
    return 200 <= code < 300


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_words(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _words(answer: bytes | str) -> str:
    return one_line(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)
