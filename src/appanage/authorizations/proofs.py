"""Proofs that count once: client assertions and DPoP proofs, known by their `jti` (checklist CRED-06, TOK-10)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.dialects.postgresql import insert

from appanage.authorizations.model import SpentProof
from appanage.oauth import dpop
from appanage.oauth.dpop import Nonces, Proof
from appanage.oauth.errors import InvalidDpopProof, UseDpopNonce
from appanage.storage import Transaction
from appanage.storage.expiry import Expiry

# A node whose clock is behind may still accept a proof that is too old for this one (checklist CRED-07, TEN-06).
EXPIRY = Expiry(SpentProof, SpentProof.forget_at, kept=timedelta(minutes=1))


def accept(
    tx: Transaction,
    nonces: Nonces,
    headers: Sequence[bytes],
    *,
    method: str,
    url: str,
    algorithms: Collection[str],
    access_token: str | None = None,
) -> Proof | None:
    """The DPoP proof of a request, None without one: genuine, of this request, with our nonce, and new (RFC 9449 §4.3).

    Raises InvalidDpopProof, and UseDpopNonce when the client has to try again with the nonce of the answer.
    """
    sent = dpop.read_proof(headers)
    if sent is None:
        return None
    proof = dpop.verify(
        sent, method=method, url=url, now=tx.now, algorithms=algorithms, access_token=access_token
    )
    if not nonces.is_current(proof.nonce, tx.now):
        raise UseDpopNonce("Use the nonce that the DPoP-Nonce header of this answer holds.")
    if not spend(tx, key_thumbprint=proof.thumbprint, token_id=proof.token_id, forget_at=proof.expires_at):
        raise InvalidDpopProof("The DPoP proof was used before. Make a new one for every request.")
    return proof


def spend(tx: Transaction, *, key_thumbprint: str, token_id: str, forget_at: datetime) -> bool:
    """Marks a proof as used; False when it was used before, on whichever node (RFC 9449 §11.1, RFC 7523 §3).

    `token_id` is unique for one key. The mark is kept until `forget_at`, when the proof is too old anyway.
    """
    name = sha256(f"{key_thumbprint}\0{token_id}".encode()).digest()
    marked = insert(SpentProof).values(digest=name, forget_at=forget_at).on_conflict_do_nothing()
    return bool(tx.scalar(marked.returning(SpentProof.digest)))
