"""The desk: what one process answers in groups: standings, accounts, refreshes and redemptions (design decision 5).

It only ever says yes. Where anything is out of the ordinary it says None, and the request goes the patient way, which
alone refuses, records and ends.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

import psycopg
import structlog
from msgspec import Struct, structs
from psycopg_pool import AsyncConnectionPool

from appanage.authorizations import codes, refresh_tokens, statements
from appanage.authorizations.freshness import Freshness
from appanage.authorizations.refresh_tokens import Renewed
from appanage.authorizations.standing import Standing
from appanage.authorizations.statements import Connection, FoundCode, FoundRefreshToken, Redemption, Renewal
from appanage.authorizations.tokens import TokenIssuer, TokenPair
from appanage.directory.columns import AccountColumns, find_accounts
from appanage.kit.clock import Clock
from appanage.kit.grouping import Again, Busy, Grouping
from appanage.kit.memory import Memory
from appanage.kit.secrets import digest
from appanage.oauth.codes import CodeRedemption
from appanage.oauth.errors import OAuthError
from appanage.oauth.refreshing import RefreshRequest
from appanage.storage.engine import LIVELY, plain_url

CONNECTIONS = 4  # one for each kind of group, of which one is under way at a time
_WAIT = 2.0  # seconds for a connection
_STATEMENT = 3000  # milliseconds
PATIENCE = 5.0  # seconds for all that the database has to do for a group
_FAREWELL = 1.0  # and for telling it that nobody waits any longer

F = TypeVar("F")

log = structlog.get_logger(__name__)


class RefreshAttempt(Struct, frozen=True):
    """A refresh by an authenticated client; `is_second` when it was tried before."""

    client_id: str
    refresh_token: str
    request: RefreshRequest
    is_second: bool = False


class CodeAttempt(Struct, frozen=True):
    """A redemption by an authenticated client."""

    client_id: str
    code: str
    presented: CodeRedemption


class _Outcome(Enum):
    TAKEN = auto()  # somebody else had the row at that moment
    UNKNOWN = auto()  # it was written or not: the database did not say


_Answer = TokenPair | None
_Attempted = TokenPair | _Outcome | None


class Desk:
    """Belongs to one event loop, between `start` and `stop`."""

    def __init__(
        self,
        database_url: str,
        issuer: TokenIssuer,
        standings: Memory[Standing],
        freshness: Freshness,
        *,
        clock: Clock,
    ) -> None:
        self._url = plain_url(database_url)
        self._issuer = issuer
        self._standings = standings
        self._freshness = freshness
        self._clock = clock
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._found: Grouping[uuid.UUID, Standing | None] = Grouping(self._find_standings)
        self._accounts: Grouping[uuid.UUID, AccountColumns | None] = Grouping(self._find_accounts)
        self._refreshed: Grouping[RefreshAttempt, _Answer] = Grouping(self._refresh)
        self._redeemed: Grouping[CodeAttempt, _Answer] = Grouping(self._redeem)

    async def start(self) -> None:
        settings = {
            "autocommit": True,
            "connect_timeout": 5,
            "application_name": "appanage desk",
            **LIVELY,
        }
        self._pool = AsyncConnectionPool(
            self._url,
            kwargs=settings,
            configure=_limit,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=_WAIT,
            open=False,
        )
        await self._pool.open()

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        self._pool = None

    async def standing(self, authorization_id: uuid.UUID) -> Standing | None:
        """What holds of an authorization, remembered or read now. Raises Busy."""
        return self._recall(authorization_id) or await self._found.ask(authorization_id)

    def account(self, account_id: uuid.UUID) -> "asyncio.Future[AccountColumns | None]":
        """What there is to show of an account to come, read now; or Busy."""
        return self._accounts.ask(account_id)

    def refresh(self, attempt: RefreshAttempt) -> "asyncio.Future[_Answer]":
        """New tokens to come, committed; or Busy."""
        return self._refreshed.ask(attempt)

    def redeem(self, attempt: CodeAttempt) -> "asyncio.Future[_Answer]":
        """Tokens for a code to come, committed; or Busy."""
        return self._redeemed.ask(attempt)

    async def _find_standings(self, ids: Sequence[uuid.UUID]) -> Sequence[Standing | None]:
        return await self._look_up(ids, self._read_standings)

    async def _find_accounts(self, ids: Sequence[uuid.UUID]) -> Sequence[AccountColumns | None]:
        return await self._look_up(ids, find_accounts)

    async def _look_up(
        self,
        ids: Sequence[uuid.UUID],
        read: Callable[[Connection, Collection[uuid.UUID]], Awaitable[Mapping[uuid.UUID, F]]],
    ) -> Sequence[F | None]:
        """What `read` finds, in the order of the ids; nothing where the database does not answer."""
        try:
            async with self._connection() as connection:
                found = await read(connection, set(ids))
        except _FAILURES as error:
            _complain(error)
            return [None] * len(ids)
        return [found.get(one) for one in ids]

    async def _refresh(
        self, attempts: Sequence[RefreshAttempt]
    ) -> Sequence[_Answer | Busy | Again[RefreshAttempt]]:
        """Once more where another process had the row: that one is quick too, so by then it is free."""
        outcomes = await self._try_to_refresh(attempts)
        return [
            Again(structs.replace(attempt, is_second=True))
            if outcome is _Outcome.TAKEN and not attempt.is_second
            else _known(outcome)
            for attempt, outcome in zip(attempts, outcomes, strict=True)
        ]

    async def _try_to_refresh(self, attempts: Sequence[RefreshAttempt]) -> Sequence[_Attempted]:
        now = self._clock()
        if not self._issuer.keys.is_current(now):
            return [None] * len(attempts)
        decided: dict[int, tuple[FoundRefreshToken, Renewed]] = {}
        answers: dict[int, _Attempted]
        try:
            async with self._connection() as connection:
                decided = await self._find_renewals(connection, attempts, now)
                written = await self._write_renewals(connection, decided.values(), now)
        except _FAILURES as error:
            _complain(error)
            rotated = (place for place, (_, renewed) in decided.items() if renewed.successor)
            answers = dict.fromkeys(rotated, _outcome_of(error))
        else:
            answers = {
                place: renewed.signed(self._issuer, now) if kept.id in written else _Outcome.TAKEN
                for place, (kept, renewed) in decided.items()
            }
        return [answers.get(place) for place in range(len(attempts))]

    async def _find_renewals(
        self, connection: Connection, attempts: Sequence[RefreshAttempt], now: datetime
    ) -> dict[int, tuple[FoundRefreshToken, Renewed]]:
        digests = [digest(one.refresh_token) for one in attempts]
        found = await statements.find_refresh_tokens(connection, set(digests))
        authorizations = {one.authorization_id for one in found.values()}
        standings = await self._standings_of(connection, authorizations)
        return self._decide(attempts, digests, found, standings, now)

    def _decide(
        self,
        attempts: Sequence[RefreshAttempt],
        digests: Sequence[bytes],
        found: dict[bytes, FoundRefreshToken],
        standings: Mapping[uuid.UUID, Standing],
        now: datetime,
    ) -> dict[int, tuple[FoundRefreshToken, Renewed]]:
        """What becomes of the attempts that may succeed, by their place.

        Several with one token are one renewal of it. If it changes, all but the first are retries, which are for the
        patient way.
        """
        decided = {}
        for place, (attempt, key) in enumerate(zip(attempts, digests, strict=True)):
            kept = found.get(key)
            renewed = self._renew(attempt, kept, standings.get(kept.authorization_id), now) if kept else None
            if kept and renewed:
                decided[place] = kept, renewed
                if renewed.successor is not None:
                    del found[key]
        return decided

    def _renew(
        self, attempt: RefreshAttempt, kept: FoundRefreshToken, standing: Standing | None, now: datetime
    ) -> Renewed | None:
        try:
            return refresh_tokens.renew(
                self._issuer,
                kept,
                standing,
                client_id=attempt.client_id,
                presented=attempt.refresh_token,
                request=attempt.request,
                now=now,
            )
        except OAuthError:
            return None

    async def _write_renewals(
        self, connection: Connection, decided: Iterable[tuple[FoundRefreshToken, Renewed]], now: datetime
    ) -> frozenset[uuid.UUID]:
        renewals = {
            kept.id: Renewal(
                kept,
                renewed.expires_at,
                renewed.ends_at,
                renewed.successor.digest if renewed.successor else None,
            )
            for kept, renewed in decided
        }
        if not renewals:
            return frozenset()
        return await statements.renew_refresh_tokens(connection, list(renewals.values()), now)

    async def _redeem(self, attempts: Sequence[CodeAttempt]) -> Sequence[_Answer | Busy]:
        now = self._clock()
        if not self._issuer.keys.is_current(now):
            return [None] * len(attempts)
        decided: dict[int, tuple[TokenPair, Redemption]] = {}
        answers: dict[int, _Attempted]
        try:
            async with self._connection() as connection:
                decided = await self._find_redemptions(connection, attempts, now)
                written = await self._write_redemptions(
                    connection, [redemption for _, redemption in decided.values()], now
                )
        except _FAILURES as error:
            _complain(error)
            answers = dict.fromkeys(decided, _outcome_of(error))
        else:
            answers = {
                place: pair for place, (pair, redeemed) in decided.items() if redeemed.found.digest in written
            }
        return [_known(answers.get(place)) for place in range(len(attempts))]

    async def _find_redemptions(
        self, connection: Connection, attempts: Sequence[CodeAttempt], now: datetime
    ) -> dict[int, tuple[TokenPair, Redemption]]:
        digests = [digest(one.code) for one in attempts]
        found = await statements.find_codes(connection, set(digests))
        decided = {}
        for place, key in enumerate(digests):
            kept = found.pop(key, None)
            issued = self._issue(attempts[place], kept, now) if kept else None
            if issued:
                decided[place] = issued
        return decided

    def _issue(
        self, attempt: CodeAttempt, kept: FoundCode, now: datetime
    ) -> tuple[TokenPair, Redemption] | None:
        """A code of another client, or one that is spent, is for the patient way to refuse."""
        if kept.spent_at is not None or kept.standing.client_id != attempt.client_id:
            return None
        try:
            pair, columns = codes.issued_for(
                self._issuer,
                kept,
                kept.standing,
                is_open=kept.is_open,
                presented=attempt.presented,
                now=now,
            )
        except OAuthError:
            return None
        return pair, Redemption(kept, columns)

    async def _write_redemptions(
        self, connection: Connection, redemptions: Sequence[Redemption], now: datetime
    ) -> frozenset[bytes]:
        if not redemptions:
            return frozenset()
        return await statements.redeem_codes(connection, redemptions, now)

    async def _standings_of(
        self, connection: Connection, ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, Standing]:
        known, missing = {}, []
        for one in ids:
            standing = self._recall(one)
            if standing is None:
                missing.append(one)
            else:
                known[one] = standing
        return known | (await self._read_standings(connection, missing) if missing else {})

    def _recall(self, authorization_id: uuid.UUID) -> Standing | None:
        return self._standings.recall(authorization_id.bytes) if self._freshness.is_fresh else None

    async def _read_standings(
        self, connection: Connection, ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, Standing]:
        asked_at = self._standings.moment
        found = await statements.find_standings(connection, ids)
        for one, standing in found.items():
            self._standings.keep(one.bytes, standing, rests_on=standing.rests_on, asked_at=asked_at)
        return found

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """For one group. Raises TimeoutError, also where the kernel of a host answers but its database does not."""
        assert self._pool is not None, "the desk is not open"
        # The first timeout has the statement cancelled; the second gives up waiting for that, and the connection.
        async with (
            asyncio.timeout(PATIENCE + _FAREWELL),
            asyncio.timeout(PATIENCE),
            self._pool.connection() as connection,
        ):
            yield connection


async def _limit(connection: Connection) -> None:
    # Not with `options` of the connection, which are the operator's, and which some poolers refuse.
    await connection.execute(f"SET statement_timeout = {_STATEMENT}")


def _outcome_of(error: Exception) -> _Outcome | None:
    """Of a write that failed: None where it is certain that nothing was written."""
    return _Outcome.UNKNOWN if isinstance(error, _UNCERTAIN) else None


def _known(outcome: _Attempted) -> _Answer | Busy:
    """Busy for what may have been written: to the patient way, a second use would look like a thief's."""
    if outcome is _Outcome.UNKNOWN:
        return Busy()
    return outcome if isinstance(outcome, TokenPair) else None


def _complain(error: Exception) -> None:
    """The patient way will find out for itself, and tell the client if it comes to that."""
    log.warning("desk interrupted", reason=type(error).__name__)


_UNCERTAIN = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)
_FAILURES = (psycopg.Error, TimeoutError)
