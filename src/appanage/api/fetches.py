"""Calling the hosts that developers name: few at a time, one for an account, and no long queue."""

import uuid
from datetime import timedelta

from anyio import CapacityLimiter, to_thread

from appanage.kit.errors import TooMany
from appanage.kit.outbound import Fetcher

AT_ONCE = 4  # threads that may wait for strangers
_WAITING = 16
_SOON = timedelta(seconds=5)


class Fetches:
    """Those of one process. Whoever waits for a turn holds no thread and no transaction."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._threads = CapacityLimiter(AT_ONCE)
        self._fetching: set[uuid.UUID] = set()

    async def get(self, url: str, *, largest: int, account: uuid.UUID) -> bytes:
        """Raises NotFetched, and TooMany while another one of the account is under way or too many wait."""
        if account in self._fetching or len(self._fetching) >= AT_ONCE + _WAITING:
            raise TooMany("Another address is being fetched; try again in a moment.", retry_after=_SOON)
        self._fetching.add(account)
        try:
            fetched = await to_thread.run_sync(
                lambda: self._fetcher.get(url, largest=largest), limiter=self._threads
            )
            return fetched.content
        finally:
            self._fetching.discard(account)
