"""Fetching from addresses that others supply, such as that of an app's logo: one fetcher, hardened once (REG-09).

Built on httpcore2, which asks a network backend of ours for every connection and a stream of ours for every read. In
the first a name is resolved once and its addresses are judged before one of them is called; in the second each read
gets what is left of the time. The standard library's http.client offers neither place without a socket of one's own.
"""

from appanage.kit.outbound.bounds import Resolve, addresses_of
from appanage.kit.outbound.fetcher import Fetched, Fetcher
from appanage.kit.outbound.ranges import Address, is_internal, is_public
from appanage.kit.outbound.refusal import NotFetched
from appanage.kit.outbound.target import OutboundPolicy

__all__ = [
    "Address",
    "Fetched",
    "Fetcher",
    "NotFetched",
    "OutboundPolicy",
    "Resolve",
    "addresses_of",
    "is_internal",
    "is_public",
]
