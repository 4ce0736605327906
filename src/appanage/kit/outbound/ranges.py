"""Ranges of IP addresses: which are the internet's, which an organization's own, and which are not to be called."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

# The special-purpose registries of IANA (RFC 6890 and its followers), written out: `is_global` of the standard library
# takes multicast and 6to4 relays for global, and what else it takes for global differs between versions of Python.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network, unspecified
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by carriers (RFC 6598)
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, metadata of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "2001::/23",  # protocol assignments: ORCHID, benchmarks; Teredo is judged by what it carries
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
_GLOBAL_UNICAST = ip_network("2000::/3")  # all that is assigned of IPv6; the rest is special or nobody's
_INTERNAL = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
# Where clouds serve credentials and settings to a machine, outside the link-local range.
_METADATA = tuple(
    map(ip_network, ("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::/32"))
)
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")  # RFC 8215


def is_public(address: Address) -> bool:
    """Whether `address` is a host's on the internet.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by that one, because there the
    packets end.
    """
    return _ends_only_where(_is_global_unicast, address)


def is_internal(address: Address) -> bool:
    """Whether `address` is of an organization's own network: private (RFC 1918, RFC 4193) or shared (RFC 6598).

    Loopback, link-local, multicast and the metadata services of clouds are not.
    """
    return _ends_only_where(_is_of_an_organization, address)


def _ends_only_where(is_fine: Callable[[Address], bool], address: Address) -> bool:
    return all(is_fine(end) for end in _carried_by(address) or (address,))


def _is_global_unicast(address: Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    # `is_global` besides, for the ranges that will have been reserved after these were written.
    return address.is_global and not any(address in network for network in (*_SPECIAL, *_METADATA))


def _is_of_an_organization(address: Address) -> bool:
    is_metadata = any(address in network for network in _METADATA)
    return not is_metadata and any(address in network for network in _INTERNAL)


def _carried_by(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which an IPv6 address leads; none if it stands for itself."""
    if isinstance(address, IPv4Address):
        return ()
    single = address.ipv4_mapped or address.sixtofour or _translated(address)
    return (single,) if single else address.teredo or ()


def _translated(address: IPv6Address) -> IPv4Address | None:
    # A local prefix can be shorter than 96 bits and has the IPv4 address elsewhere then (RFC 6052 §2.2): what is not
    # plainly at the end is not read, and such an address stands for itself, which is not public.
    is_at_the_end = address in _NAT64 or (address in _LOCAL_NAT64 and address.packed[8:12] == b"\0\0\0\0")
    return IPv4Address(address.packed[12:]) if is_at_the_end else None
