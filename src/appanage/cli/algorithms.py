"""Every cryptographic algorithm that a deployment uses, and what for (checklist GOV-02).

A test holds this table against the modules that import a primitive, so that none is added in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from appanage.kit.outbound import OutboundPolicy
from appanage.oauth.signing_keys import ACCESS_TOKEN_ALGORITHM
from appanage.settings import Settings
from appanage.signin.passwords import Passwords

ACCESS_TOKENS = "access tokens"
ID_TOKENS = "ID tokens"
CLIENTS = "clients' assertions and DPoP proofs"
PASSWORDS = "passwords"
OLDER_PASSWORDS = "older passwords, until their next use"
SEALING = "sealing of signing keys and of secrets to be shown"
DERIVED_KEYS = "keys derived from the secret key"
KEYED_HASHES = "forms, DPoP nonces and renewed refresh tokens"
DIGESTS = "stored tokens, secrets and proofs"
HASHES_OF_STANDARDS = "PKCE, thumbprints of keys, hashes inside of tokens and proofs"
DATABASE = "the connection to the database, by libpq"
AUDIT_LOG = "the chain of the audit log, in PostgreSQL"
FILES = "names of files and versions of documents"
OUTBOUND = "outbound calls"
RANDOM = "random values"


@dataclass(frozen=True, slots=True)
class Use:
    purpose: str
    algorithm: str

    def __str__(self) -> str:
        return f"{self.purpose}: {self.algorithm}"


def in_use(settings: Settings, passwords: Passwords) -> Sequence[Use]:
    """All of them, in the order in which somebody who reviews the deployment asks for them."""
    present, *older = passwords.words
    return [
        Use(ACCESS_TOKENS, ACCESS_TOKEN_ALGORITHM),
        Use(ID_TOKENS, settings.rules.signs_id_tokens_with),
        Use(CLIENTS, ", ".join(settings.client_algorithms)),
        Use(PASSWORDS, present),
        *(Use(OLDER_PASSWORDS, words) for words in older),
        Use(SEALING, "AES-256-GCM"),
        Use(DERIVED_KEYS, "HKDF-SHA-256"),
        Use(KEYED_HASHES, "HMAC-SHA-256"),
        Use(DIGESTS, "SHA-256"),
        Use(HASHES_OF_STANDARDS, "SHA-256"),
        Use(DATABASE, "TLS and SCRAM-SHA-256"),
        Use(AUDIT_LOG, "SHA-256"),
        Use(FILES, "SHA-256"),
        *([] if settings.outbound is OutboundPolicy.OFF else [Use(OUTBOUND, "TLS 1.2 or newer")]),
        Use(RANDOM, "the generator of the operating system"),
    ]
