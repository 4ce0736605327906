"""`appanage doctor`: looks at everything that a deployment needs and says what to do."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from appanage.authorizations.keys import KeyRing
from appanage.cli import algorithms
from appanage.cli.console import Problem, progress
from appanage.cli.demo import keepsake, making
from appanage.cli.explanations import as_problems
from appanage.cli.opening import running_database, settings_of
from appanage.deployment import Deployment, assemble
from appanage.events.queries import broken_links
from appanage.kit import fips
from appanage.kit.origin import command_line_origin
from appanage.kit.outbound import OutboundPolicy
from appanage.kit.sealing import Unsealable
from appanage.kit.spans import span
from appanage.kit.text import count_of
from appanage.settings import Settings
from appanage.signin.passwords import Passwords
from appanage.signin.service import count_unusable_passwords
from appanage.storage import Transaction, migrate
from appanage.storage.engine import OLDEST_POSTGRESQL

TOLERATED_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `advice` says what to do and is empty when all is well. Each of `details` has its own line."""

    subject: str
    text: str
    advice: str = ""
    details: Sequence[str] = ()

    @property
    def is_well(self) -> bool:
        return not self.advice

    def __str__(self) -> str:
        found = f"{'ok' if self.is_well else 'problem':<8} {self.subject}: {self.text} {self.advice}".rstrip()
        return "\n".join([found, *(f"{'':<11}{detail}" for detail in self.details)])


def examine(data: Path | None) -> list[Finding]:
    """Every finding; what cannot be examined because something before it is broken is left out."""
    try:
        with as_problems():
            settings = settings_of(data)
    except Problem as problem:
        return [Finding("configuration", problem.sentence, "Nothing else can be examined until then.")]
    cryptography = _modules(settings)
    findings = [
        _configuration(settings),
        _profile(settings),
        _algorithms(settings),
        cryptography,
        *_folder(settings),
    ]
    if not cryptography.is_well:
        return findings  # nothing starts
    if not settings.database_url and not (settings.data.expanduser() / "postgres" / "PG_VERSION").exists():
        advice = "Start with `appanage serve`, or name another folder with --data."
        return [*findings, Finding("database", "There is none in the data folder yet.", advice)]
    return [*findings, *_deployment(settings)]


def _configuration(settings: Settings) -> Finding:
    where = "another PostgreSQL" if settings.database_url else "the embedded PostgreSQL"
    return Finding("configuration", f"{settings.base_url}, on {where}.")


def _profile(settings: Settings) -> Finding:
    """The rules of the profile in words; what the settings narrowed is told as it is narrowed."""
    rules, lifetimes = settings.rules, settings.lifetimes
    return Finding(
        "profile",
        f"{rules.name}.",
        details=[
            "Apps are made by Full Administrators, through the API alone; nobody else changes them."
            if rules.by_administrators
            else "Apps are made by any person, in the portal and through the API.",
            "There is an App Hub." if rules.has_app_hub else "There is no App Hub.",
            f"Access tokens live {span(lifetimes.access_token)}.",
            f"Refresh tokens live {span(lifetimes.refresh_token)}, renewed by each refresh.",
            f"Personal tokens, also those of administrators, live {span(lifetimes.personal_token)} at most.",
            f"Browser sessions end after {span(lifetimes.session_idle)} without activity.",
            f"Browser sessions end after {span(lifetimes.session_absolute)} in any case.",
            f"Outbound calls: {_reach(settings)}.",
        ],
    )


def _reach(settings: Settings) -> str:
    listed = ", ".join(settings.outbound_hosts) or "none is listed"
    return {
        OutboundPolicy.PUBLIC: f"to public hosts, and to the listed ones ({listed})",
        OutboundPolicy.LISTED: f"to the listed hosts alone ({listed})",
        OutboundPolicy.OFF: "none",
    }[settings.outbound]


def _algorithms(settings: Settings) -> Finding:
    uses = algorithms.in_use(settings, Passwords.of(settings))
    return Finding("algorithms", "No others are used.", details=[str(use) for use in uses])


def _modules(settings: Settings) -> Finding:
    """Without FIPS mode all is well where the operator did not demand it."""
    found = fips.modules()
    details = [str(module) for module in found]
    if all(module.is_in_fips_mode for module in found):
        return Finding("cryptographic modules", "They run in FIPS mode.", details=details)
    if settings.require_fips:
        advice = "Run them on an OpenSSL whose FIPS provider is active, or unset APPANAGE_REQUIRE_FIPS."
        return Finding("cryptographic modules", "Not all run in FIPS mode.", advice, details)
    told = "Not all run in FIPS mode; APPANAGE_REQUIRE_FIPS would demand it."
    return Finding("cryptographic modules", told, details=details)


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
    ring = KeyRing(deployment.secret_key, signs_id_tokens_with=deployment.settings.rules.signs_id_tokens_with)
    try:
        signing = [ring.signing_key(tx, algorithm) for algorithm in ring.algorithms]
    except Unsealable:
        advice = "Use the secret key that this database was first used with: APPANAGE_SECRET_KEY, or the file secret-key."
        return Finding("signing keys", "They were sealed under another secret key.", advice)
    except LookupError:
        missing = f"There is not one for each of {' and '.join(ring.algorithms)} that signs now."
        return Finding("signing keys", missing, "Run `appanage migrate`.")
    named = ", ".join(f"{key.key_id} ({key.algorithm})" for key in signing)
    return Finding("signing keys", f"{len(ring.public_keys())} published; these sign: {named}.")


def _passwords(deployment: Deployment, tx: Transaction) -> Finding:
    """Passwords that were set in another profile may be kept in a way that this one does not accept."""
    unusable = count_unusable_passwords(tx, deployment.passwords)
    if not unusable:
        return Finding("passwords", "Each is kept in a way that is accepted here.")
    are = count_of(unusable, "is kept in a way that is", "are kept in ways that are")
    advice = "Nobody can sign in with them: set new ones with `appanage person set-password`."
    return Finding("passwords", f"{are} not accepted in this profile.", advice)


def _limits(deployment: Deployment, _tx: Transaction) -> Finding:
    if not deployment.throttle.is_shared:
        return Finding("limits", "Each process counts by itself.")
    if not deployment.throttle.answers():
        advice = "Check APPANAGE_LIMITS_STORAGE and the server that it names."
        return Finding("limits", "Their store does not answer; each process counts by itself.", advice)
    return Finding("limits", "Their store answers; all processes count together.")


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


CHECKS: tuple[Callable[[Deployment, Transaction], Finding], ...] = (
    _keys,
    _passwords,
    _limits,
    _clock,
    _audit,
    _demonstration,
)
