"""Questions whose answer may be remembered: the same question has the same answer until something changes."""

import uuid
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from msgspec import Struct, structs

from appanage.authorizations.verification import Verified
from appanage.edge.messages import Answer, HotRequest

_NEVER = frozenset(
    {b"dpop", b"if-none-match", b"if-modified-since", b"range", b"transfer-encoding", b"expect"}
)


class Found(Struct, frozen=True):
    """An answer, and for how long it is true: until `until`, as long as nothing changes of what it `rests_on`.

    `account` is whose requests are counted, if they are.
    """

    answer: Answer
    rests_on: Collection[str]
    until: datetime
    account: str | None = None

    def counted_for(self, account_id: uuid.UUID) -> "Found":
        return structs.replace(self, account=str(account_id))


def key_of(request: HotRequest, asks_with: Collection[bytes]) -> bytes | None:
    """A digest of everything that the answer can depend on; None for a request that is not answered from memory.

    Of the headers that is the credentials and those that the endpoint `asks_with`; what it does not look at is not in
    it, or one question could be remembered in ever so many spellings. The credentials are, so nobody is given what was
    found for somebody else. A proof of possession is good for one request only (RFC 9449 §11.1), so a request with one
    is never the same.
    """
    asked: list[bytes] = [request.method.encode(), request.path.encode(), request.query]
    for name, value in request.headers:
        if name == b"authorization" or name in asks_with:
            asked += (name, value)
        elif name in _NEVER:
            return None
    asked.append(request.body)
    # Each with its length, so that no two questions read the same.
    return sha256(b"".join(b"%d:%b" % (len(part), part) for part in asked)).digest()


def about_token(
    answer: Answer, verified: Verified, *, rests_on: Collection[str] = (), until: datetime | None = None
) -> Found:
    """An answer about a token, and beside that about what else it `rests_on` and how long that holds."""
    return Found(
        answer,
        (*verified.rests_on, *rests_on),
        verified.until if until is None else min(until, verified.until),
    )
