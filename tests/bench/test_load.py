"""The load sends what was prepared, and nothing is measured that answers wrongly."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from load import Case, WrongAnswer, get, post, verify


class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 200 if self.path == "/good" else 404
        self.send_response(status)
        self.send_header("X-Answer", "yes")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *args):
        pass


@pytest.fixture
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_request_is_written_as_it_goes_over_the_wire():
    request = post("/v1/introspect", {"token": "a b"}, {"Authorization": "Basic x"})

    assert request.wire == (
        b"POST /v1/introspect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Authorization: Basic x\r\nContent-Length: 9\r\n\r\ntoken=a+b"
    )


def test_the_proof_may_be_in_a_header_or_in_the_body(port):
    verify(port, Case("header", [get("/good")], "x-answer: yes"))
    verify(port, Case("body", [get("/good")], "good"))


@pytest.mark.parametrize(("path", "proof"), [("/good", "bad"), ("/other", "good")])
def test_an_answer_without_proof_or_success_is_wrong(port, path, proof):
    with pytest.raises(WrongAnswer):
        verify(port, Case("wrong", [get(path)], proof))
