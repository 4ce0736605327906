"""Counting requests that are answered from memory, where counting each by itself would cost more than the answer."""

import asyncio
from collections import OrderedDict

import structlog
from starlette.concurrency import run_in_threadpool

from appanage.kit.errors import TooMany
from appanage.signin.throttle import Throttle

_SHARE = 60  # of what an account may ask in a minute is counted at once
_MOST = 20_000  # accounts

log = structlog.get_logger(__name__)


class Allowances:
    """Counts some requests of an account in advance and then gives them out. Belongs to one event loop.

    Counting may ask a store elsewhere, so nobody waits for it: until it is done the account's requests go the ordinary
    way, which counts each. With a limit so small that a share is one request, all of them do.
    """

    def __init__(self, throttle: Throttle, *, a_minute: int) -> None:
        self._throttle = throttle
        self._size = a_minute // _SHARE
        self._left: OrderedDict[str, int] = OrderedDict()
        self._counting: dict[str, asyncio.Task[None]] = {}

    def spend(self, account: str) -> bool:
        """Whether the account may ask once more; if not, the ordinary way says so to it."""
        left = self._left.get(account, 0)
        if left == 0:
            self.count(account)
            return False
        self._left[account] = left - 1
        return True

    def count(self, account: str) -> None:
        """Begins to count the account's next share, if it has none."""
        if self._size > 1 and account not in self._counting and not self._left.get(account):
            task = asyncio.get_running_loop().create_task(self._count(account))
            self._counting[account] = task
            task.add_done_callback(lambda _: self._counting.pop(account))

    async def _count(self, account: str) -> None:
        try:
            if not await is_counted(self._throttle, account, times=self._size):
                return
        except Exception:  # the ordinary way meets the same
            log.exception("counting failed")
            return
        self._left.pop(account, None)
        if len(self._left) >= _MOST:
            self._left.popitem(last=False)
        self._left[account] = self._size


async def is_counted(throttle: Throttle, account: str, *, times: int = 1) -> bool:
    """Counts requests of the account, in a thread if that may wait; false if the ordinary way has to refuse them."""
    try:
        if throttle.is_shared:
            await run_in_threadpool(throttle.count_request, account, times=times)
        else:
            throttle.count_request(account, times=times)
    except TooMany:
        return False
    return True
