"""Which cryptographic modules do the work, and whether each runs in FIPS mode (checklist GOV-01).

There are three: Python's own OpenSSL (hashes, PBKDF2, TLS), that of the library `cryptography` (signatures, sealing,
derived keys), and that of libpq (TLS and the password of the database). Whether a build is a validated one, and under
which certificate, only its maker can tell.
"""

import _hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.bindings._rust import openssl as rust_openssl


class NotInFipsMode(Exception):
    """A cryptographic module does not run in FIPS mode: one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class CryptographicModule:
    """`user` is whose work it does, `version` what it calls itself."""

    user: str
    version: str
    is_in_fips_mode: bool

    def __str__(self) -> str:
        return f"{self.user}: {self.version}, FIPS mode {'on' if self.is_in_fips_mode else 'off'}"


def modules() -> tuple[CryptographicModule, ...]:
    """Those of this process."""
    return (
        CryptographicModule("Python", ssl.OPENSSL_VERSION, _hashlib.get_fips_mode() != 0),
        CryptographicModule(
            "cryptography", rust_openssl.openssl_version_text(), rust_openssl.is_fips_enabled()
        ),
        _module_of_libpq(),
    )


def _module_of_libpq() -> CryptographicModule:
    """The package of psycopg's binaries brings an OpenSSL along, without a FIPS provider; else it is the system's."""
    version = psycopg.pq.version()
    is_bundled = psycopg.pq.__impl__ == "binary"
    origin = "an OpenSSL of the package psycopg-binary" if is_bundled else "the system's OpenSSL"
    words = f"libpq {version // 10000}.{version % 10000} with {origin}"
    return CryptographicModule("psycopg", words, not is_bundled and _system_is_in_fips_mode())


def _system_is_in_fips_mode() -> bool:
    try:
        return Path("/proc/sys/crypto/fips_enabled").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def require(found: Sequence[CryptographicModule]) -> None:
    """Raises NotInFipsMode unless every one of them runs in FIPS mode."""
    without = ", ".join(f"{one.user} ({one.version})" for one in found if not one.is_in_fips_mode)
    if without:
        raise NotInFipsMode(
            f"APPANAGE_REQUIRE_FIPS is set, but FIPS mode is off for {without}. Run them on an OpenSSL whose FIPS "
            "provider is active, or unset it."
        )
