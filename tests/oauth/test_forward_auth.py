"""Forward-auth: what a proxy demands, which request it tells of, and what it is answered."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanage.oauth.errors import (
    InsufficientScope,
    InvalidDpopProof,
    InvalidRequest,
    InvalidTarget,
    InvalidToken,
    Refused,
)
from appanage.oauth.forward_auth import (
    Demand,
    Headers,
    Holder,
    OriginalRequest,
    decide,
    original_request,
    read_demand,
    require_audience,
)

Sent: TypeAlias = Mapping[str, str | list[str]]
"""Headers by their names in small letters; a list is one that comes several times."""

NOTHING: Sent = MappingProxyType({})
API, ROOMS = "https://apps.example/v1", "https://rooms.example/api"
ORDERS = OriginalRequest("POST", "https://api.example/orders")
SCOPES = st.frozensets(st.sampled_from(["a:read", "a:write", "b:read", "b:write"]))
HOLDER = Holder(
    account=uuid.UUID(int=1),
    organization=uuid.UUID(int=2),
    kind="machine",
    client_id="C1",
    audience=API,
    scopes=frozenset({"b:read", "a:read"}),
    bound_to=None,
)


def raw(headers: Sent) -> Headers:
    """Headers as a server hands them over."""
    return [
        (name.replace("_", "-").encode(), value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def demand(query: str = "", headers: Sent = NOTHING) -> Demand:
    return read_demand(query.encode(), raw(headers), issuer=API, resources=[ROOMS])


def told(headers: Sent, *, method: str = "GET", path: bytes | None = None) -> OriginalRequest:
    return original_request(raw(headers), method=method, path=path)


class TestWhatIsDemanded:
    @pytest.mark.parametrize(
        ("query", "headers", "scopes"),
        [
            ("", {}, set()),
            ("scope=", {}, set()),
            ("scope=a:read", {}, {"a:read"}),
            ("scope=a%3Aread%20b%3Aread", {}, {"a:read", "b:read"}),
            ("scope=a:read+b:read", {}, {"a:read", "b:read"}),
            ("scope=a:read&scope=b:read", {}, {"a:read", "b:read"}),
            ("", {"x_required_scope": "a:read b:read"}, {"a:read", "b:read"}),
            ("", {"x_required_scope": ["a:read", "b:read"]}, {"a:read", "b:read"}),
            ("scope=a:read", {"x_required_scope": "b:read"}, {"a:read", "b:read"}),
            ("scope=a:read", {"x_required_scope": ""}, {"a:read"}),
        ],
    )
    def test_of_all_the_scopes_that_are_named_the_union_is_demanded(
        self, query: str, headers: Sent, scopes: set[str]
    ):
        assert demand(query, headers) == Demand(API, frozenset(scopes))

    @given(own=SCOPES, smuggled=st.lists(st.text(st.characters(codec="latin-1"))))
    def test_a_header_that_a_client_smuggles_in_can_only_demand_more(
        self, own: frozenset[str], smuggled: list[str]
    ):
        query = b"scope=" + " ".join(own).encode()
        headers = [(b"x-required-scope", one.encode("latin-1")) for one in smuggled]

        assert read_demand(query, headers, issuer=API, resources=[]).scopes >= own

    def test_the_audience_is_the_platform_unless_the_query_names_a_resource(self):
        """TOK-06."""
        assert demand().audience == API
        assert demand(f"resource={API}").audience == API
        assert demand(f"resource={ROOMS}").audience == ROOMS
        assert demand(headers={"x_required_resource": ROOMS, "resource": ROOMS}).audience == API

    @pytest.mark.parametrize("query", [f"resource={ROOMS}/", "resource=x", "resource=https://evil.example"])
    def test_an_unknown_resource_is_refused(self, query: str):
        """RFC 8707 §2."""
        with pytest.raises(InvalidTarget):
            demand(query)

    @pytest.mark.parametrize(
        "query",
        ["scopes=a:read", "Scope=a:read", "token=x", f"resource={ROOMS}&resource={ROOMS}", "scope=%ff"],
    )
    def test_what_may_be_a_misspelled_demand_is_refused(self, query: str):
        """Otherwise whoever mistypes a name would let everybody pass."""
        with pytest.raises(InvalidRequest):
            demand(query)


ORIGINAL = {"x_original_method": "POST", "x_original_url": "https://api.example/orders?page=2"}
FORWARDED = {
    "x_forwarded_method": "POST",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "api.example",
    "x_forwarded_uri": "/orders?page=2",
}
BELOW = {"host": "api.example", "x_forwarded_proto": "https"}


class TestWhichRequestWaits:
    """TOK-10: the method and the URL that a proof must name (RFC 9449 §4.3)."""

    @pytest.mark.parametrize(
        "headers",
        [
            ORIGINAL,
            {"x_original_method": "POST", "x_original_uri": "https://api.example/orders"},
            ORIGINAL | {"x_original_uri": "/orders?page=2"},
            ORIGINAL | {"x_original_uri": "https://api.example/orders?page=2"},
            ORIGINAL | {"host": "appanage", "x_forwarded_proto": "http", "x_forwarded_host": "other"},
            FORWARDED,
            FORWARDED | {"host": "appanage"},
            ORIGINAL | FORWARDED,
        ],
        ids=" ".join,
    )
    def test_every_proxy_tells_it_in_its_own_headers(self, headers: Sent):
        assert told(headers) == ORDERS

    def test_or_asks_with_its_method_at_its_path(self):
        assert told(BELOW, method="POST", path=b"/orders") == ORDERS
        assert told(BELOW | FORWARDED, method="POST", path=b"/orders") == ORDERS
        assert told(BELOW, method="PROPFIND", path=b"/a%2Fb/").url == "https://api.example/a%2Fb/"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"host": "api.example"},
            {"x_forwarded_proto": "https", "x_forwarded_host": "api.example"},
            *({name: value for name, value in ORIGINAL.items() if name != left} for left in ORIGINAL),
            *({name: value for name, value in FORWARDED.items() if name != left} for left in FORWARDED),
            ORIGINAL | {"x_original_url": "/orders"},
            {"x_original_method": "POST", "x_original_uri": "/orders"},
            ORIGINAL | {"x_original_url": "https://api.example"},
            ORIGINAL | {"x_original_url": "ftp://api.example/orders"},
            ORIGINAL | {"x_original_url": "https:///orders"},
            ORIGINAL | {"x_original_url": "https://a@api.example/orders"},
            ORIGINAL | {"x_original_url": "https://api.example/ord ers"},
            ORIGINAL | {"x_original_url": "https://api.example/orders#x"},
            ORIGINAL | {"x_original_url": ""},
            ORIGINAL | {"x_original_method": ""},
            FORWARDED | {"x_forwarded_proto": "https,http"},
            FORWARDED | {"x_forwarded_proto": "javascript"},
            FORWARDED | {"x_forwarded_host": "api.example, inner.example"},
            FORWARDED | {"x_forwarded_host": "api.example/orders?"},
            FORWARDED | {"x_forwarded_host": ""},
            FORWARDED | {"x_forwarded_uri": "orders"},
            FORWARDED | {"x_forwarded_uri": ".evil.example/orders"},
            FORWARDED | {"x_forwarded_uri": "@evil.example/orders"},
        ],
        ids=str,
    )
    def test_half_a_request_is_none(self, headers: Sent):
        with pytest.raises(InvalidDpopProof, match="does not tell"):
            told(headers)

    @pytest.mark.parametrize("left", BELOW)
    def test_below_our_address_scheme_and_host_must_be_told_too(self, left: str):
        with pytest.raises(InvalidDpopProof, match="does not tell"):
            told(
                {name: value for name, value in BELOW.items() if name != left}, method="POST", path=b"/orders"
            )

    @pytest.mark.parametrize(
        "headers",
        [
            *(ORIGINAL | {name: [value, value]} for name, value in ORIGINAL.items()),
            *(FORWARDED | {name: [value, value]} for name, value in FORWARDED.items()),
            ORIGINAL | FORWARDED | {"x_forwarded_uri": "/orders/1"},
            ORIGINAL | FORWARDED | {"x_forwarded_host": "evil.example"},
            ORIGINAL | FORWARDED | {"x_forwarded_proto": "http"},
            ORIGINAL | FORWARDED | {"x_forwarded_method": "GET"},
            ORIGINAL | {"x_original_uri": "/other"},
            ORIGINAL | {"x_original_uri": "https://evil.example/orders"},
            ORIGINAL | {"x_original_uri": "//evil.example/orders"},
        ],
        ids=str,
    )
    def test_two_stories_are_refused(self, headers: Sent):
        with pytest.raises(InvalidDpopProof, match="Different things"):
            told(headers)

    def test_what_follows_our_address_must_not_be_contradicted_either(self):
        with pytest.raises(InvalidDpopProof, match="Different things"):
            told(BELOW | FORWARDED, method="POST", path=b"/orders/1")
        with pytest.raises(InvalidDpopProof, match="Different things"):
            told({**BELOW, "host": ["api.example", "evil.example"]}, method="POST", path=b"/orders")

    @pytest.mark.parametrize("proxy", [ORIGINAL, FORWARDED], ids=["original", "forwarded"])
    @given(
        smuggled=st.dictionaries(
            st.sampled_from([*ORIGINAL, *FORWARDED, "x_original_uri", "host"]),
            st.sampled_from(["GET", "https://evil.example/orders", "evil.example", "/orders", "https", ""]),
        )
    )
    def test_a_client_never_makes_it_another_request_than_the_proxy_says(
        self, proxy: dict[str, str], smuggled: dict[str, str]
    ):
        """The proxy sets its own headers, whatever else the client sends along."""
        with suppress(InvalidDpopProof):
            assert told(smuggled | proxy) == ORDERS

    @given(path=st.binary(), values=st.lists(st.binary(), min_size=6, max_size=6))
    def test_no_bytes_do_more_than_be_refused(self, path: bytes, values: list[bytes]):
        names = [name.replace("_", "-").encode() for name in [*ORIGINAL, *FORWARDED]]
        with suppress(InvalidDpopProof):
            original_request(list(zip(names, values, strict=True)), method="GET", path=path)


class TestWhatIsAnswered:
    def test_a_token_for_another_resource_is_not_valid_here(self):
        """TOK-06."""
        require_audience(HOLDER, Demand(API))
        with pytest.raises(InvalidToken):
            require_audience(HOLDER, Demand(ROOMS))
        with pytest.raises(InvalidToken):
            require_audience(replace(HOLDER, audience=ROOMS), Demand(API))

    @given(held=SCOPES, needed=SCOPES)
    def test_every_scope_that_is_demanded_is_needed(self, held: frozenset[str], needed: frozenset[str]):
        """TOK-07: and what is missing is named (RFC 6750 §3.1)."""
        outcome = decide(replace(HOLDER, scopes=held), Demand(API, needed))

        if needed <= held:
            assert not isinstance(outcome, Refused)
            assert outcome["X-Auth-Scope"] == " ".join(sorted(held))
        else:
            assert isinstance(outcome, Refused)
            assert isinstance(outcome.error, InsufficientScope)
            assert outcome.error.scopes == needed - held

    def test_the_server_behind_the_proxy_learns_who_calls(self):
        assert decide(HOLDER, Demand(API)) == {
            "X-Auth-Account": "00000000-0000-0000-0000-000000000001",
            "X-Auth-Kind": "machine",
            "X-Auth-Organization": "00000000-0000-0000-0000-000000000002",
            "X-Auth-Client": "C1",
            "X-Auth-Scope": "a:read b:read",
        }

    def test_a_header_without_content_is_there_all_the_same(self):
        """So that a proxy that copies them overwrites what the client sent."""
        outcome = decide(replace(HOLDER, client_id=None, scopes=frozenset()), Demand(API))

        assert not isinstance(outcome, Refused)
        assert (outcome["X-Auth-Client"], outcome["X-Auth-Scope"]) == ("", "")
