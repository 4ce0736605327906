"""`appanage doctor`: looks at everything that a deployment needs and says what to do."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from appanage.authorizations.keys import KeyRing
from appanage.cli.console import Problem, progress
from appanage.cli.demo import keepsake, making
from appanage.cli.explanations import as_problems
from appanage.cli.opening import running_database, settings_of
from appanage.deployment import Deployment, assemble
from appanage.events.queries import broken_links
from appanage.kit.origin import command_line_origin
from appanage.kit.sealing import Unsealable
from appanage.settings import Settings
from appanage.storage import Transaction, migrate
from appanage.storage.engine import OLDEST_POSTGRESQL

TOLERATED_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `advice` says what to do and is empty when all is well."""

    subject: str
    text: str
    advice: str = ""

    @property
    def is_well(self) -> bool:
        return not self.advice

    def __str__(self) -> str:
        return f"{'ok' if self.is_well else 'problem':<8} {self.subject}: {self.text} {self.advice}".rstrip()


def examine(data: Path | None) -> list[Finding]:
    """Every finding; what cannot be examined because something before it is broken is left out."""
    try:
        with as_problems():
            settings = settings_of(data)
    except Problem as problem:
        return [Finding("configuration", problem.sentence, "Nothing else can be examined until then.")]
    findings = [_configuration(settings), *_folder(settings)]
    if not settings.database_url and not (settings.data.expanduser() / "postgres" / "PG_VERSION").exists():
        advice = "Start with `appanage serve`, or name another folder with --data."
        return [*findings, Finding("database", "There is none in the data folder yet.", advice)]
    return [*findings, *_deployment(settings)]


def _configuration(settings: Settings) -> Finding:
    where = "another PostgreSQL" if settings.database_url else "the embedded PostgreSQL"
    return Finding("configuration", f"{settings.base_url}, on {where}.")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.expanduser()
    if not folder.exists():
        yield Finding("data folder", f"{folder} does not exist yet; it is made when it is needed.")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "data folder", f"{folder} cannot be written.", "Give it to the user that runs Appanage."
        )
        return
    exposed = [path for name in ("secret-key", keepsake.NAME) if _is_exposed(path := folder / name)]
    for path in exposed:
        yield Finding("data folder", f"Others can read {path}.", f"Run `chmod 600 {path}`.")
    if not exposed:
        yield Finding("data folder", f"{folder} can be written, and its secrets are read by its owner only.")


def _is_exposed(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


def _deployment(settings: Settings) -> list[Finding]:
    try:
        with as_problems(), progress("Examining"), running_database(settings) as url:
            return _inside(assemble(settings, url))
    except Problem as problem:
        return [Finding("database", problem.sentence, "Nothing in it can be examined until then.")]


def _inside(deployment: Deployment) -> list[Finding]:
    try:
        version = _version(deployment)
        return [version, *_contents(deployment)] if version.is_well else [version]
    finally:
        deployment.database.dispose()


def _version(deployment: Deployment) -> Finding:
    version = deployment.database.version()
    advice = "" if version >= OLDEST_POSTGRESQL else "Use PostgreSQL 14 or newer."
    return Finding("database", f"PostgreSQL {version // 10000}.{version % 10000} answers.", advice)


def _contents(deployment: Deployment) -> list[Finding]:
    if not migrate.is_current(deployment.database.engine):
        return [
            Finding("migrations", "The database is not at the present schema.", "Run `appanage migrate`.")
        ]
    with deployment.transaction(command_line_origin()) as tx:
        present = Finding("migrations", f"The database is at the present schema, {migrate.head()}.")
        return [present, *(check(deployment, tx) for check in CHECKS)]


def _keys(deployment: Deployment, tx: Transaction) -> Finding:
    ring = KeyRing(deployment.secret_key)
    try:
        signing = ring.signing_key(tx)
    except Unsealable:
        advice = "Use the secret key that this database was first used with: APPANAGE_SECRET_KEY, or the file secret-key."
        return Finding("signing keys", "They were sealed under another secret key.", advice)
    except LookupError:
        return Finding("signing keys", "There is none that signs now.", "Run `appanage migrate`.")
    return Finding("signing keys", f"{len(ring.public_keys())} published; {signing.key_id} signs.")


def _clock(deployment: Deployment, tx: Transaction) -> Finding:
    del deployment
    before = datetime.now(UTC)
    there: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    after = datetime.now(UTC)
    skew = max(before - there, there - after, timedelta(0))
    if skew > TOLERATED_SKEW:
        advice = "Let both machines take the time from NTP."
        return Finding("clock", f"The database's clock differs by {skew.total_seconds():.0f} s.", advice)
    return Finding("clock", "The database's clock agrees with this machine's.")


def _audit(deployment: Deployment, tx: Transaction) -> Finding:
    del deployment
    faults = broken_links(tx)
    if faults:
        advice = "Run `appanage audit verify` for all of them, and find out who could write to the database."
        return Finding("audit log", f"{len(faults)} broken, first {faults[0]}.", advice)
    return Finding("audit log", "No event was altered, removed or reordered.")


def _demonstration(deployment: Deployment, tx: Transaction) -> Finding:
    if not making.is_present(tx):
        return Finding("demonstration", "Its data is not in this database.")
    if deployment.settings.is_loopback:
        return Finding("demonstration", "Its data is here, and served to this machine only.")
    return Finding(
        "demonstration", "Its data is here, with passwords that everybody knows.", "Use another database."
    )


CHECKS: tuple[Callable[[Deployment, Transaction], Finding], ...] = (_keys, _clock, _audit, _demonstration)
