"""The network as a fetch sees it: names are resolved once, addresses judged, and time runs out for all of it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from ssl import SSLContext
from threading import Thread
from typing import Any

from httpcore2 import (
    SOCKET_OPTION,
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    SyncBackend,
)

from appanage.kit.outbound.bounds import Deadline, Resolve
from appanage.kit.outbound.ranges import Address
from appanage.kit.outbound.refusal import NotFetched, not_reachable

# Tried for one fetch: a name with a thousand addresses must not have us knock at a thousand doors.
_MOST_ADDRESSES = 4


class JudgedNetwork(NetworkBackend):
    """Connects to addresses that were judged and to no others.

    A name is resolved once, all its addresses must be allowed, and the connection goes to one of these very addresses:
    a name that answers differently the next time (DNS rebinding) is not asked a next time. TLS still asks for the name.
    """

    def __init__(self, resolve: Resolve, may_call: Callable[[Address], bool], deadline: Deadline) -> None:
        self._resolve = resolve
        self._may_call = may_call
        self._deadline = deadline
        self._plain = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        del timeout, local_address  # the deadline counts, and the system chooses where we call from
        addresses = self._judged(host)[:_MOST_ADDRESSES]
        for tried, address in enumerate(addresses):
            # A dead address leaves their share of the time to the others.
            share = self._deadline.left() / (len(addresses) - tried)
            with suppress(ConnectError, ConnectTimeout):
                stream = self._plain.connect_tcp(str(address), port, share, socket_options=socket_options)
                return TimedStream(stream, self._deadline)
        raise NotFetched("The host accepts no connection; check that it serves https there.")

    def _judged(self, host: str) -> Sequence[Address]:
        addresses = self._resolved(host)
        if not addresses or not all(self._may_call(address) for address in addresses):
            raise not_reachable()
        return addresses

    def _resolved(self, host: str) -> Sequence[Address]:
        try:
            return _in_a_thread(lambda: self._resolve(host), self._deadline.left())
        except TimeoutError:
            raise
        except OSError as cause:
            raise not_reachable() from cause


class TimedStream(NetworkStream):
    """A connection on which every step gets what is left of the time, so that no drip of bytes prolongs it."""

    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._stream.write(buffer, self._deadline.left())

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        del timeout
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        except ConnectError as cause:
            raise NotFetched(
                "No trusted TLS connection was made; the host needs a valid certificate for its name from a known authority."
            ) from cause
        except TimeoutError:
            self.close()
            raise
        return TimedStream(stream, self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _in_a_thread(act: Callable[[], Sequence[Address]], seconds: float) -> Sequence[Address]:
    """What `act` returns or raises; TimeoutError if that takes longer.

    The system's resolver cannot be interrupted: its thread is left behind, without holding up a stop of the process,
    and ends when the resolver gives up by itself (resolv.conf: `timeout`, `attempts`; usually within half a minute).
    """
    outcome: Future[Sequence[Address]] = Future()

    def run() -> None:
        try:
            outcome.set_result(act())
        except Exception as error:  # noqa: BLE001 – whatever it is, the waiting side raises it
            outcome.set_exception(error)

    Thread(target=run, name="resolve", daemon=True).start()
    return outcome.result(timeout=seconds)
