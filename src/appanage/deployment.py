"""The parts of one running deployment, made once and shared by the faces, the jobs and the command line."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appanage.apps.rules import AppRules
from appanage.authorizations import proofs
from appanage.authorizations.clients import KnownClient, KnownClients
from appanage.authorizations.desk import Desk
from appanage.authorizations.feed import Feed
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.keys import KeyRing, ensure_keys
from appanage.authorizations.revocation import RevocationIndex
from appanage.authorizations.standing import Standing
from appanage.authorizations.tokens import TokenIssuer
from appanage.authorizations.verification import Verifier
from appanage.directory.sandboxes import SandboxRules
from appanage.events.service import SYSTEM
from appanage.kit import fips
from appanage.kit.clock import Clock, system_clock
from appanage.kit.ids import PublicIds
from appanage.kit.memory import Memory
from appanage.kit.origin import Origin, internal_origin
from appanage.kit.outbound import Fetcher
from appanage.kit.sealing import derive_key
from appanage.oauth.bearer import Scheme, headers_named, read_token
from appanage.oauth.dpop import Nonces
from appanage.settings import Settings
from appanage.signin.passwords import Passwords
from appanage.signin.throttle import Throttle
from appanage.storage import Database, Transaction, migrate
from appanage.storage.embedded import DataFolderUnusable, EmbeddedPostgres


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that a request needs beside itself."""

    settings: Settings
    database: Database
    secret_key: bytes
    ids: PublicIds
    keys: KeyRing
    issuer: TokenIssuer
    verifier: Verifier
    known_clients: KnownClients
    desk: Desk
    revocations: RevocationIndex
    freshness: Freshness
    feed: Feed
    throttle: Throttle
    nonces: Nonces
    passwords: Passwords
    fetcher: Fetcher

    def prepare(self) -> None:
        """Brings the database to the present schema and makes the first signing key."""
        migrate.upgrade(self.database.engine)
        with self.transaction(internal_origin()) as tx:
            ensure_keys(tx, self.keys, by=SYSTEM)

    def start(self) -> None:
        """Begins to follow revocations; for processes that verify tokens."""
        with self.transaction(internal_origin()) as tx:
            self.keys.load(tx)
        self.feed.start()

    def stop(self) -> None:
        self.feed.stop()
        self.database.dispose()

    def accept_proof(
        self, origin: Origin, headers: Sequence[tuple[bytes, bytes]], *, method: str, path: str
    ) -> str | None:
        """The key that the DPoP proof of a request with an access token is made with; None without a bound token.

        In a transaction of its own, so that a proof stays spent whatever becomes of the request; but only whoever holds
        a good token makes us write anything. Raises InvalidToken, InvalidDpopProof, UseDpopNonce.
        """
        presented = read_token(headers_named(b"authorization", headers))
        if presented is None or presented.scheme is not Scheme.DPOP:
            return None
        with self.transaction(origin) as tx:
            self.verifier.claims_of(tx, presented.token)
            proof = proofs.accept(
                tx,
                self.nonces,
                headers_named(b"dpop", headers),
                method=method,
                url=self.settings.base_url + path,
                algorithms=self.settings.client_algorithms,
                access_token=presented.token,
            )
        return proof.thumbprint if proof else None

    @property
    def app_rules(self) -> AppRules:
        return AppRules.of(self.settings)

    @property
    def sandbox_rules(self) -> SandboxRules:
        settings = self.settings
        return SandboxRules(settings.sandbox_domain, settings.sandboxes_per_person, settings.sandbox_lifetime)

    @contextmanager
    def transaction(self, origin: Origin) -> Iterator[Transaction]:
        with self.database.transaction(origin) as tx:
            yield tx


def assemble(settings: Settings, database_url: str, *, clock: Clock = system_clock) -> Deployment:
    """The parts for one database, connected; nothing is started or written.

    Raises NotInFipsMode where the operator demands that mode and it is off.
    """
    if settings.require_fips:
        fips.require(fips.modules())
    secret_key = secret_key_of(settings)
    keys = KeyRing(secret_key, signs_id_tokens_with=settings.rules.signs_id_tokens_with)
    revocations, freshness = RevocationIndex(), Freshness(settings.revocation_stale_after)
    database = Database(database_url, clock=clock, pool=settings.database_pool)
    standings: Memory[Standing] = Memory(settings.remembered)
    clients: Memory[KnownClient] = Memory(settings.remembered)
    memories = (keys, standings, clients)
    feed = Feed(database_url, revocations, freshness, memories, poll=settings.revocation_poll)
    database.on_change = feed.look
    issuer = TokenIssuer(settings, keys, derive_key(secret_key, "appanage refresh tokens"))
    return Deployment(
        settings=settings,
        database=database,
        secret_key=secret_key,
        ids=PublicIds(settings.id_host, settings.id_region),
        keys=keys,
        issuer=issuer,
        verifier=Verifier(settings, keys, revocations, freshness),
        known_clients=KnownClients(clients),
        desk=Desk(database_url, issuer, standings, freshness, clock=clock),
        revocations=revocations,
        freshness=freshness,
        feed=feed,
        throttle=Throttle(settings),
        nonces=Nonces(derive_key(secret_key, "appanage dpop nonces")),
        passwords=Passwords.of(settings),
        fetcher=Fetcher(settings.outbound, settings.outbound_hosts),
    )


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The URL of the deployment's database; the embedded one runs as long as the block."""
    if settings.database_url:
        yield settings.database_url
        return
    with EmbeddedPostgres(settings.data) as embedded:
        yield embedded.start()


def secret_key_of(settings: Settings) -> bytes:
    """The configured secret key, or the one that is generated in the data folder of a loopback deployment."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value().encode()
    return _generated(settings.data.expanduser() / "secret-key")


def _generated(path: Path) -> bytes:
    """The key in the file; made on the first call, whole from the first moment, readable by its owner only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_hex(32).encode())
        return path.read_bytes()
    except OSError as cause:
        message = f"The data folder {path.parent} cannot be used: {cause.strerror}. Name another with --data."
        raise DataFolderUnusable(message) from cause


def _write_once(path: Path, content: bytes) -> None:
    """Of two processes that do this at once, the first one's content stands."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
