"""Other authorization servers, installed when the benchmark runs; each of them is optional."""

from collections.abc import Sequence

from peers.authlib_server import AuthlibServer
from peers.django_oauth_toolkit import DjangoOauthToolkit
from peers.glewlwyd import Glewlwyd
from peers.oidc_provider import OidcProvider
from peers.peer import Peer

PEERS: Sequence[type[Peer]] = (OidcProvider, Glewlwyd, DjangoOauthToolkit, AuthlibServer)
