"""Counting requests that are answered from memory, where counting each by itself would cost more than the answer."""

from collections import OrderedDict

from appanage.kit.errors import TooMany
from appanage.signin.throttle import Throttle

_SHARE = 60  # of what an account may ask in a minute is counted at once
_MOST = 20_000  # accounts


class Allowances:
    """Counts some requests of an account in advance and then gives them out."""

    def __init__(self, throttle: Throttle, *, a_minute: int) -> None:
        self._throttle = throttle
        self._size = max(1, a_minute // _SHARE)
        self._left: OrderedDict[str, int] = OrderedDict()

    def spend(self, account: str) -> bool:
        """Whether the account may ask once more; if not, the ordinary way says so to it."""
        left = self._left.get(account, 0) or self._advance(account)
        self._left[account] = max(0, left - 1)
        return left > 0

    def _advance(self, account: str) -> int:
        self._left.pop(account, None)
        if len(self._left) >= _MOST:
            self._left.popitem(last=False)
        try:
            self._throttle.count_request(account, times=self._size)
        except TooMany:
            return 0
        return self._size
