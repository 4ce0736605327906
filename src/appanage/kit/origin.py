"""Where a request came from: facts that every event and log line of the request shares."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """`tracking_id` names the request to people; `address` is the peer as the trusted proxy tells it."""

    tracking_id: str
    address: str = ""
    user_agent: str = ""
    method: str = ""  # how the actor proved who it is: password, token, command line


def new_tracking_id() -> str:
    return f"APN_{uuid.uuid4()}".upper()


def internal_origin() -> Origin:
    """For what the platform does by itself."""
    return Origin(new_tracking_id(), method="internal")


def command_line_origin() -> Origin:
    return Origin(new_tracking_id(), address="local", user_agent="appanage", method="command line")
