"""A host of somebody else's: a real HTTPS server on 127.0.0.1 that answers what it is told to, byte for byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Answer = Callable[["Caller"], None]


class Authority:
    """A certificate authority of one's own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _named("An authority for tests")
        self._certificate = (
            _certificate(name, name, self._key, self._key, timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def trusted(self) -> ssl.SSLContext:
        """How a client trusts this authority and no other."""
        pem = self._certificate.public_bytes(Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def serving(self, host: str, folder: Path, *, valid_for: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """How a server proves to be `host`; a negative validity has ended so long ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            _certificate(_named(host), self._certificate.subject, key, self._key, valid_for)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = folder / f"{host}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Caller:
    """A connection that was made to the host; writing ends quietly once the caller has gone."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self._connection.sendall(part)

    def send_for_ever(self, part: bytes, *, pause: float = 0) -> None:
        while not self._closing.wait(pause):
            self.send(part)


class Host:
    """What it was asked: the first lines and headers of the requests, and the names that TLS was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[str] = []
        self.names: list[str | None] = []
        self.connections = 0


@contextmanager
def https_host(context: ssl.SSLContext | None, answer: Answer) -> Iterator[Host]:
    """Serves until the block ends; without a `context` it speaks no TLS."""
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = Host(listening.getsockname()[1])
        if context:
            context.sni_callback = lambda _connection, name, _context: host.names.append(name)
        thread = threading.Thread(target=_serve, args=(listening, context, answer, host, closing))
        thread.start()
        try:
            yield host
        finally:
            closing.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _serve(
    listening: socket.socket,
    context: ssl.SSLContext | None,
    answer: Answer,
    host: Host,
    closing: threading.Event,
) -> None:
    while not closing.is_set():
        with suppress(OSError):  # the caller has gone, or the listening has ended
            plain, _ = listening.accept()
            host.connections += 1
            with plain:
                _converse(plain, context, answer, host, closing)


def _converse(
    plain: socket.socket,
    context: ssl.SSLContext | None,
    answer: Answer,
    host: Host,
    closing: threading.Event,
) -> None:
    plain.settimeout(10)
    with context.wrap_socket(plain, server_side=True) if context else plain.dup() as connection:
        request = b""
        while context and b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return
            request += part
        host.requests.append(request.decode("latin-1"))
        answer(Caller(connection, closing))


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuers_key: ec.EllipticCurvePrivateKey,
    valid_for: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_key.public_key()), critical=False
        )
    )
