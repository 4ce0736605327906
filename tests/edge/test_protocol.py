"""The shortcut answers a few plain requests while they are read; everything else is as uvicorn does it."""

import ast
import gc
import inspect
import logging
import re
import threading
import time
from collections.abc import Iterator

import pytest
import uvloop
from uvicorn import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from appanage.edge.messages import Answer, HotRequest
from appanage.edge.protocol import EdgeProtocol, Waiting
from support.echo import LARGE, MOST, RECOGNIZED, Echo
from support.raw_http import Reply, Served, serving

GET = b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\n"
COLD = b"GET /cold HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
TRACKING_ID = re.compile(r"APN_[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def post(body: bytes, *headers: bytes, path: bytes = b"/hot") -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % (path, len(body))
    return head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def get(target: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = (b"GET %b HTTP/%b" % (target, version), *(headers or (b"Host: a",)), b"", b"")
    return b"\r\n".join(lines)


def way(reply: Reply) -> str:
    return reply.headers["x-way"]


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo(headers=((b"strict-transport-security", b"max-age=31536000"),))


@pytest.fixture(scope="module")
def server(echo: Echo) -> Iterator[Served]:
    with serving(echo, EdgeProtocol) as served:
        yield served


@pytest.fixture
def served(server: Served, echo: Echo) -> Served:
    """The server, with nothing noted of the tests before."""
    echo.asked.clear()
    while server.delivered.acquire(blocking=False) or server.ended.acquire(blocking=False):
        pass
    return server


# What is answered at once.


def test_a_plain_request_is_answered_at_once(served: Served) -> None:
    client = served.client()

    client.send(GET)
    reply = client.reply()

    assert (reply.status, reply.body, way(reply)) == (200, b"GET /hot? ", "hot")


def test_the_answer_has_the_headers_of_every_answer(served: Served) -> None:
    client = served.client()

    client.send(GET + COLD)
    hot, cold = client.replies(2)

    assert hot.headers["date"] == cold.headers["date"]
    assert hot.headers["server"] == cold.headers["server"] == "uvicorn"
    assert hot.headers["content-length"] == str(len(hot.body))
    assert hot.headers["strict-transport-security"] == "max-age=31536000"
    assert TRACKING_ID.fullmatch(hot.headers["trackingid"])


def test_the_request_arrives_as_it_was_sent(served: Served, echo: Echo) -> None:
    client = served.client()

    client.send(b"POST /hot?a=%20&b HTTP/1.1\r\nHOST: a\r\nX-Name:  Value\r\nContent-Length: 4\r\n\r\nbody")
    reply = client.reply()

    assert reply.body == b"POST /hot?a=%20&b body"
    (request,) = echo.asked
    assert request.headers == [(b"host", b"a"), (b"x-name", b"Value"), (b"content-length", b"4")]
    assert (request.method, request.path) == ("POST", "/hot")


def test_a_body_may_be_as_large_as_the_path_allows(served: Served) -> None:
    client = served.client()
    most = b"x" * MOST

    client.send(post(most) + post(most + b"x"))
    fitting, too_large = client.replies(2)

    assert (way(fitting), way(too_large)) == ("hot", "ordinary")
    assert fitting.body == b"POST /hot? " + most
    assert too_large.body == b"POST /hot? " + most + b"x"


def test_a_request_may_come_in_two_pieces_divided_anywhere(served: Served) -> None:
    client = served.client()
    request = post(b"a body", b"Authorization: Bearer abc", path=b"/hot?a=b")

    for cut in range(1, len(request)):
        client.send(request[:cut])
        served.await_delivery()
        client.send(request[cut:])
        served.await_delivery()
        reply = client.reply()

        assert (way(reply), reply.body) == ("hot", b"POST /hot?a=b a body"), request[:cut]


def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    client = served.client()

    for byte in post(b"a body"):
        client.send(bytes([byte]))
        served.await_delivery()

    assert client.reply().body == b"POST /hot? a body"


def test_tracking_ids_are_unique(served: Served) -> None:
    client = served.client()

    client.send(GET * 1000)
    ids = {reply.headers["trackingid"] for reply in client.replies(1000)}

    assert len(ids) == 1000
    assert all(TRACKING_ID.fullmatch(id_) for id_ in ids)


def test_requests_are_counted(served: Served) -> None:
    client = served.client()
    before = served.server.server_state.total_requests

    client.send(GET + COLD + GET)
    client.replies(3)

    assert served.server.server_state.total_requests == before + 3


def test_the_server_s_access_log_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.access")
    with serving(Echo(), EdgeProtocol, access_log=True, log_level=logging.INFO) as served:
        client = served.client()
        client.send(get(b"/hot?a=b") + get(b"/cold?a=b"))
        client.replies(2)

    lines = [
        record.getMessage().partition(" - ")[2]
        for record in caplog.records
        if record.name == "uvicorn.access"
    ]
    assert lines == ['"GET /hot?a=b HTTP/1.1" 200', '"GET /cold?a=b HTTP/1.1" 200']


# What is recognized.


def test_a_request_that_comes_again_as_the_same_bytes_is_not_read_again(served: Served, echo: Echo) -> None:
    client, other = served.client(), served.client()
    request = post(b"again", b"Authorization: Bearer abc")

    bodies, ids = set(), set()
    for sender in (client, client, other, client):
        sender.send(request)
        reply = sender.reply()
        bodies.add(reply.body)
        ids.add(reply.headers["trackingid"])

    assert bodies == {b"POST /hot? again"}
    assert len(ids) == 4
    assert len(echo.asked) == 1


def test_a_request_is_recognized_after_one_that_went_the_ordinary_way(served: Served, echo: Echo) -> None:
    client = served.client()

    again = get(b"/hot?after")
    for request in (again, COLD, again, post(b"a body", path=b"/cold"), again):
        client.send(request)
        client.reply()

    assert len(echo.asked) == 1


def test_one_byte_more_or_less_is_another_request(served: Served, echo: Echo) -> None:
    client = served.client()

    for credentials in (b"one", b"one", b"two", b"onee", b"on", b"One"):
        client.send(post(b"", b"Authorization: Bearer " + credentials))
        client.reply()

    assert len(echo.asked) == 5


def test_what_looks_like_a_request_inside_another_one_is_not_recognized(served: Served, echo: Echo) -> None:
    """Otherwise whoever chooses a body could put requests into a connection that others share."""
    client = served.client()
    client.send(GET)
    client.reply()
    client.send(GET)
    client.reply()
    outer = post(GET, path=b"/hot")

    client.send(outer.removesuffix(GET))
    served.await_delivery()
    client.send(GET)
    reply = client.reply()
    client.send(GET)
    behind = client.reply()

    assert reply.body == b"POST /hot? " + GET
    assert behind.body == b"GET /hot? "


def test_two_requests_in_one_piece_are_each_read(served: Served, echo: Echo) -> None:
    client = served.client()

    for _ in range(2):
        client.send(GET + GET)
        client.replies(2)

    assert len(echo.asked) == 4


def test_a_recognized_request_waits_for_an_earlier_one_that_is_in_work() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(GET)
        client.reply()
        client.send(WAIT)
        assert echo.waits.wait(5)
        client.send(GET)
        served.await_delivery()
        echo.release()
        first, second = client.replies(2)

    assert (first.body, second.body) == (b"GET /wait? ", b"GET /hot? ")


@pytest.mark.parametrize("query", [b"cold", b"fail"])
def test_what_cannot_be_answered_again_at_once_goes_the_ordinary_way(
    served: Served, echo: Echo, query: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client()
    client.send(GET)
    client.reply()
    answer_to = echo.answer_to

    def otherwise(request: HotRequest) -> Answer | None:
        request.query = query
        return answer_to(request)

    monkeypatch.setattr(echo, "answer_to", otherwise)
    client.send(GET)
    reply = client.reply()

    assert (way(reply), reply.body) == ("ordinary", b"GET /hot? ")


def test_requests_beyond_the_bound_are_read_again(served: Served, echo: Echo) -> None:
    client = served.client()
    requests = [get(b"/hot?%d" % number) for number in range(RECOGNIZED + 1)]

    for request in (*requests, requests[-1], requests[0]):
        client.send(request)
        client.reply()

    assert len(echo.asked) == len(requests) + 1


def test_a_long_request_is_read_every_time(served: Served, echo: Echo) -> None:
    client = served.client()

    for _ in range(3):
        client.send(post(b"x" * 5000))
        client.reply()

    assert len(echo.asked) == 3


# What is answered soon.

SOON = b"GET /hot?soon HTTP/1.1\r\nHost: a\r\n\r\n"
SOON_WAIT = b"GET /hot?soon-wait HTTP/1.1\r\nHost: a\r\n\r\n"


def test_an_answer_that_comes_a_little_later_is_sent_when_it_comes() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(SOON_WAIT)
        assert echo.waits.wait(5)
        echo.release()
        reply = client.reply()

    assert (reply.status, way(reply), reply.body) == (200, "soon", b"GET /hot?soon-wait ")
    assert TRACKING_ID.fullmatch(reply.headers["trackingid"])


def test_behind_an_answer_to_come_everything_waits_its_turn() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(SOON_WAIT + GET + SOON)
        assert echo.waits.wait(5)
        client.send(COLD)
        echo.release()
        replies = client.replies(4)

    assert [reply.body for reply in replies] == [
        b"GET /hot?soon-wait ",
        b"GET /hot? ",
        b"GET /hot?soon ",
        b"GET /cold? ",
    ]


@pytest.mark.parametrize("query", [b"soon-cold", b"soon-fail"])
def test_where_no_answer_comes_the_request_goes_the_ordinary_way_with_its_body(
    served: Served, query: bytes
) -> None:
    client = served.client()

    client.send(post(b"a body", path=b"/hot?" + query) + GET)
    first, second = client.replies(2)

    assert (way(first), first.body) == ("ordinary", b"POST /hot?" + query + b" a body")
    assert second.body == b"GET /hot? "


def test_whoever_goes_away_before_the_answer_comes_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(SOON_WAIT)
        assert echo.waits.wait(5)
        client.close()
        served.await_end()
        echo.release()
        other = served.client()
        other.send(SOON)
        reply = other.reply()

    assert reply.body == b"GET /hot?soon "
    assert caplog.text == ""


def test_a_request_that_is_being_read_while_an_answer_comes_is_waited_for() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol, timeout_keep_alive=1) as served:
        client = served.client()
        following = post(b"body")
        client.send(SOON_WAIT + following[:10])
        assert echo.waits.wait(5)
        echo.release()
        client.reply()
        assert not threading.Event().wait(1.5)
        client.send(following[10:])
        reply = client.reply()

    assert reply.body == b"POST /hot? body"


def test_an_answer_that_cannot_be_sent_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Echo(), EdgeProtocol) as served:
        client = served.client()
        client.send(get(b"/hot?soon-unsafe"))
        rest = client.rest()

    assert rest == b""
    assert "an answer cannot be sent" in caplog.text


def test_draining_waits_for_an_answer_to_come_and_says_that_it_is_the_last() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        idle, client = served.client(), served.client()
        idle.send(GET)
        idle.reply()
        client.send(SOON_WAIT)
        assert echo.waits.wait(5)
        served.server.should_exit = True
        idle.rest()
        echo.release()
        reply, rest = client.reply(), client.rest()

    assert (way(reply), reply.headers["connection"]) == ("soon", "close")
    assert rest == b""


def test_the_access_log_has_a_line_for_an_answer_that_came_soon(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.access")
    with serving(Echo(), EdgeProtocol, access_log=True, log_level=logging.INFO) as served:
        client = served.client()
        client.send(SOON)
        client.reply()

    assert '"GET /hot?soon HTTP/1.1" 200' in caplog.text


# Order.


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    client = served.client()
    targets = [b"/hot?%d" % n if n % 5 < 3 else b"/cold?%d" % n for n in range(200)]

    client.send(b"".join(get(target) for target in targets))

    assert [reply.body for reply in client.replies(200)] == [b"GET %b " % target for target in targets]


def test_a_thousand_pipelined_requests_are_answered_at_once(served: Served) -> None:
    client = served.client()

    client.send(b"".join(post(b"%d" % n) for n in range(1000)))
    replies = client.replies(1000)

    assert [reply.body for reply in replies] == [b"POST /hot? %d" % n for n in range(1000)]
    assert {way(reply) for reply in replies} == {"hot"}


def test_a_request_waits_for_an_earlier_one_that_is_in_work() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(WAIT)
        assert echo.waits.wait(10)
        client.send(GET + post(b"body"))
        served.await_delivery()
        served.await_delivery()
        echo.release()
        replies = client.replies(3)
        client.send(GET)
        later = client.reply()

    assert [reply.body for reply in replies] == [b"GET /wait? ", b"GET /hot? ", b"POST /hot? body"]
    assert [way(reply) for reply in replies] == ["ordinary"] * 3
    assert way(later) == "hot"


def test_a_request_after_one_that_was_answered_early_is_answered_once(served: Served) -> None:
    client = served.client()
    early = post(b"x" * 20, path=b"/early")

    client.send(early[:-10])
    first = client.reply()
    client.send(early[-10:] + GET)
    second = client.reply()
    client.end()

    assert (first.body, second.body) == (b"POST /early? ", b"GET /hot? ")
    assert client.rest() == b""


# What goes the ordinary way.


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        pytest.param(get(b"/hot?cold"), b"GET /hot?cold ", id="not in memory"),
        pytest.param(get(b"/cold"), b"GET /cold? ", id="another path"),
        pytest.param(get(b"/hot/"), b"GET /hot/? ", id="a path that goes on"),
        pytest.param(get(b"/ho%74"), b"GET /hot? ", id="an encoded path"),
        pytest.param(get(b"/hot#there"), b"GET /hot? ", id="a fragment"),
        pytest.param(get(b"http://a/hot"), b"GET /hot? ", id="an absolute address"),
        pytest.param(GET.replace(b"GET", b"PUT"), b"PUT /hot? ", id="another method"),
        pytest.param(get(b"/hot", b"Host: a", b"Host: b"), b"GET /hot? ", id="two hosts"),
        pytest.param(get(b"/hot", b"Accept: */*"), b"GET /hot? ", id="no host"),
        pytest.param(
            get(b"/hot", b"Host: a", b"Content-Length: 1") + b"x", b"GET /hot? x", id="body without a place"
        ),
        pytest.param(
            get(b"/hot", b"Host: a", b"Upgrade: h2c", b"Connection: upgrade"), b"GET /hot? ", id="upgrade"
        ),
        pytest.param(
            get(b"/hot", b"Host: a", b"Upgrade: h2c"), b"GET /hot? ", id="upgrade without a connection"
        ),
    ],
)
def test_what_is_not_plain_goes_the_ordinary_way(served: Served, request_: bytes, body: bytes) -> None:
    client = served.client()

    client.send(request_)
    first = client.reply()
    client.send(GET)
    second = client.reply()

    assert (way(first), first.body) == ("ordinary", body)
    assert way(second) == "hot"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(get(b"/hot", b"Host: a", b"Connection: close"), id="the client closes"),
        pytest.param(get(b"/hot", b"Host: a", version=b"1.0"), id="HTTP/1.0"),
        pytest.param(
            get(b"/hot", b"Host: a", b"Connection: keep-alive", version=b"1.0"), id="HTTP/1.0, kept alive"
        ),
    ],
)
def test_a_connection_that_ends_ends_after_its_answer(served: Served, request_: bytes) -> None:
    client = served.client()

    client.send(request_)
    reply = client.reply()

    assert (way(reply), reply.headers["connection"]) == ("ordinary", "close")
    assert client.rest() == b""


def test_a_client_that_expects_to_be_told_to_continue_is_told(served: Served) -> None:
    client = served.client()
    head, _, body = post(b"a body", b"Expect: 100-continue").partition(b"\r\n\r\n")

    client.send(head + b"\r\n\r\n")
    interim = client.reply()
    client.send(body)
    reply = client.reply()

    assert interim.status == 100
    assert (way(reply), reply.body) == ("ordinary", b"POST /hot? a body")


def test_a_body_in_chunks_goes_the_ordinary_way(served: Served) -> None:
    client = served.client()

    client.send(b"POST /hot HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"2\r\na \r\n4;x=y\r\nbody\r\n0\r\nX-Trailer: t\r\n\r\n" + GET)
    chunked, plain = client.replies(2)

    assert (way(chunked), chunked.body) == ("ordinary", b"POST /hot? a body")
    assert plain.body == b"GET /hot? "


def test_a_request_that_is_passed_on_keeps_its_body(served: Served, echo: Echo) -> None:
    client = served.client()
    request = post(b"a body", path=b"/hot?cold")

    client.send(request[:-3])
    served.await_delivery()
    client.send(request[-3:] + GET)
    passed_on, behind = client.replies(2)

    assert (way(passed_on), passed_on.body) == ("ordinary", b"POST /hot?cold a body")
    assert behind.body == b"GET /hot? "
    assert echo.asked[0].body == b"a body"


@pytest.mark.parametrize("query", [b"fail", b"unsafe"])
def test_an_answer_that_fails_is_logged_and_the_request_goes_the_ordinary_way(
    served: Served, query: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client = served.client()

    client.send(get(b"/hot?" + query, b"Host: a", b"Authorization: Bearer secret"))
    reply = client.reply()

    assert (reply.status, way(reply)) == (200, "ordinary")
    assert "answering at once failed" in caplog.text
    assert "secret" not in caplog.text


def test_without_a_shortcut_everything_goes_the_ordinary_way() -> None:
    with serving(Echo(has_shortcut=False), EdgeProtocol) as served:
        client = served.client()
        client.send(GET)
        reply = client.reply()

    assert (way(reply), reply.body) == ("ordinary", b"GET /hot? ")


# What is broken.


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /hot HTTP/1\r\nHost: a\r\n\r\n",
        b"GET /hot HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /hot HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET /hot HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /hot HTTP/1.1\r\nHost: a\nX: b\r\n\r\n\r\n",
        b"GET /hot?\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        post(b"a", b"Content-Length: 2"),
        post(b"a", b"Transfer-Encoding: chunked"),
        get(b"/hot", b"Host: a", b"Content-Length: -1"),
        get(b"/hot", b"Host: a", b"Content-Length: 0x1"),
        get(b"/hot", b"Host: a", b"Transfer-Encoding: gzip"),
    ],
)
def test_a_bad_request_is_refused_as_uvicorn_refuses_it(served: Served, request_: bytes) -> None:
    client = served.client()

    client.send(GET + request_)
    first, second = client.replies(2)

    assert way(first) == "hot"
    assert (second.status, second.body) == (400, b"Invalid HTTP request received.")
    assert client.rest() == b""


def test_a_body_that_breaks_off_gets_no_answer_and_leaves_nothing_behind() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol) as served:
        client = served.client()
        client.send(post(b"a body")[:-1])
        served.await_delivery()
        client.end()
        rest = client.rest()
        served.await_end()
        gc.collect()

        assert rest == b""
        assert echo.asked == []
        assert not list(served.protocols)
        assert not served.server.server_state.connections
        assert not served.server.server_state.tasks


# Limits.


def test_a_client_that_does_not_read_makes_the_server_wait_and_not_remember() -> None:
    many = 400
    with serving(Echo(), EdgeProtocol) as served:
        client = served.client(receive_buffer=16 * 1024)
        client.send(get(b"/hot?large") * many)
        served.await_delivery()
        (protocol,) = served.protocols
        waiting = protocol.transport.get_write_buffer_size()
        replies = client.replies(many)

    assert len(LARGE) <= waiting <= 3 * len(LARGE)
    assert [reply.body for reply in replies] == [LARGE] * many
    assert {way(reply) for reply in replies} == {"hot", "ordinary"}


def test_answers_that_come_soon_wait_for_a_client_that_does_not_read_too() -> None:
    many, sent = 400, 0
    with serving(Echo(), EdgeProtocol) as served:
        client = served.client(receive_buffer=16 * 1024)
        is_read = True
        while sent < many and is_read:
            client.send(get(b"/hot?soon-large"))
            sent += 1
            is_read = served.delivered.acquire(timeout=0.5)
        (protocol,) = served.protocols
        waiting = protocol.transport.get_write_buffer_size()
        replies = client.replies(sent)

    assert not is_read
    assert waiting <= 3 * len(LARGE)
    assert [reply.body for reply in replies] == [LARGE] * sent


def test_the_server_s_limit_of_connections_holds() -> None:
    with serving(Echo(), EdgeProtocol, limit_concurrency=2) as served:
        first = served.client()
        first.send(GET)
        allowed = first.reply()
        second = served.client()
        second.send(GET)
        refused = second.reply()

    assert (allowed.status, refused.status) == (200, 503)


def test_an_idle_connection_ends_after_the_keep_alive_time_and_a_request_that_is_being_read_is_waited_for() -> (
    None
):
    with serving(Echo(), EdgeProtocol, timeout_keep_alive=1) as served:
        idle, slow = served.client(), served.client()
        slow.send(GET)
        slow.reply()
        slow.send(post(b"body")[:-1])
        idle.send(GET)
        idle.reply()
        assert not threading.Event().wait(0.6)
        idle.send(GET)
        idle.reply()
        began = time.monotonic()
        rest = idle.rest()
        seconds = time.monotonic() - began
        slow.send(b"y")
        reply = slow.reply()

    assert rest == b""
    assert 0.9 <= seconds <= 5
    assert reply.body == b"POST /hot? body"[:-1] + b"y"


# Ending.


def test_draining_answers_what_has_begun_and_ends_every_connection() -> None:
    echo = Echo()
    with serving(echo, EdgeProtocol, timeout_keep_alive=60) as served:
        idle, working, reading = served.client(), served.client(), served.client()
        idle.send(GET)
        idle.reply()
        reading.send(post(b"a body")[:-1])
        working.send(WAIT + GET)
        assert echo.waits.wait(10)
        for _ in range(3):
            served.await_delivery()
        served.server.should_exit = True
        ended = idle.rest()
        echo.release()
        waited, behind = working.replies(2)
        reading.send(b"y")
        read = reading.reply()
        rests = working.rest(), reading.rest()

    assert ended == b""
    assert (waited.body, behind.body) == (b"GET /wait? ", b"GET /hot? ")
    assert (behind.headers["connection"], read.headers["connection"]) == ("close", "close")
    assert (way(read), read.body) == ("ordinary", b"POST /hot? a body"[:-1] + b"y")
    assert rests == (b"", b"")


# What we rely on.


def test_uvicorn_still_has_the_parts_that_the_shortcut_is_made_of() -> None:
    """An upgrade that moves one of them must fail here, and the shortcut be looked at again."""
    loop = uvloop.new_event_loop()
    protocol = HttpToolsProtocol(Config(Echo(), log_config=None), ServerState(), {}, loop)
    loop.close()

    assert_has(protocol, "access_log access_logger client connections cycle expect_100_continue flow headers")
    assert_has(
        protocol, "limit_concurrency loop parser scope server_state tasks timeout_keep_alive transport"
    )
    assert_has(
        protocol, "connection_lost data_received on_body on_headers_complete on_message_complete shutdown"
    )
    assert_has(protocol, "timeout_keep_alive_handler _unset_keepalive_if_required _start_asgi_task")
    assert_has(protocol, "app asgi_version logger on_message_begin on_response_complete pipeline root_path")
    assert_has(protocol.parser, "get_http_version get_method should_keep_alive")
    assert_has(protocol.server_state, "default_headers total_requests")
    assert what_uvicorn_does_to_a_cycle() <= {*Waiting.__slots__, "message_event", "body", "more_body"}
    assert set(inspect.signature(RequestResponseCycle).parameters) == PARTS_OF_A_CYCLE
    assert {"body", "more_body", "message_event"} <= set(RequestResponseCycle.__init__.__code__.co_names)
    assert "write_paused" in FlowControl.__init__.__code__.co_names


PARTS_OF_A_CYCLE = {
    "scope",
    "transport",
    "flow",
    "logger",
    "access_logger",
    "access_log",
    "default_headers",
    "message_event",
    "expect_100_continue",
    "keep_alive",
    "on_response",
}


def what_uvicorn_does_to_a_cycle() -> set[str]:
    """The names that its protocol looks at or changes in the request that is in work."""
    source = ast.parse(inspect.getsource(httptools_impl))
    (protocol,) = (
        one for one in source.body if isinstance(one, ast.ClassDef) and one.name == "HttpToolsProtocol"
    )
    return {
        one.attr
        for one in ast.walk(protocol)
        if isinstance(one, ast.Attribute) and ast.unparse(one.value) in {"self.cycle", "existing_cycle"}
    }


def test_uvicorn_still_begins_a_request_as_the_shortcut_does() -> None:
    """What else it began with would be missing when a request is collected, or lost when it is passed on."""
    loop = uvloop.new_event_loop()
    protocol = HttpToolsProtocol(Config(Echo(), log_config=None), ServerState(), {}, loop)
    loop.close()
    before = dict(vars(protocol)) | {"expect_100_continue": None}
    vars(protocol).update(before)

    protocol.on_message_begin()

    begun = {
        name for name, value in vars(protocol).items() if name not in before or value is not before[name]
    }
    assert begun == {"url", "headers", "expect_100_continue", "scope"}


def assert_has(thing: object, names: str) -> None:
    assert [name for name in names.split() if not hasattr(thing, name)] == []
