"""The kinds of apps that can be made here, and the ways in which one proves who it is."""

from appanage.apps.model import AppKind, ClientProof
from appanage.kit.errors import NotFound

LABELS = {AppKind.SERVICE_APP: "Service App", AppKind.INTEGRATION: "Integration", AppKind.BOT: "Bot"}
_CLIENTS_IN_ADDRESSES = {"service-app": AppKind.SERVICE_APP, "integration": AppKind.INTEGRATION}

PROOFS = {
    ClientProof.SECRET: (
        "Runs on a server (client secret)",
        "The simplest way: a secret that is sent to the token endpoint, and must be kept on the server.",
    ),
    ClientProof.KEY: (
        "Runs on a server and signs with its own key (private_key_jwt, recommended)",
        "Nothing secret is ever sent or stored here: you register the public half of a key pair.",
    ),
    ClientProof.NONE: (
        "Runs on people's devices (public client, PKCE)",
        "A mobile, desktop, command-line or browser app, where nothing can be kept secret.",
    ),
}


def kind_in(address: str) -> AppKind:
    """The kind of client that an address names, such as `service-app`."""
    if address not in _CLIENTS_IN_ADDRESSES:
        raise NotFound("This page does not exist.")
    return _CLIENTS_IN_ADDRESSES[address]


def wizard_of(kind: AppKind) -> str:
    """Where a client of this kind is created."""
    name = next(name for name, one in _CLIENTS_IN_ADDRESSES.items() if one == kind)
    return f"/portal/apps/new/{name}"


def proofs_for(kind: AppKind) -> list[tuple[ClientProof, str, str]]:
    """Those ways that are open to this kind of app, as radio buttons: a Service App always runs on a server."""
    return [
        (proof, *words)
        for proof, words in PROOFS.items()
        if kind == AppKind.INTEGRATION or proof != ClientProof.NONE
    ]
