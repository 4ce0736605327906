"""The closed list of what can be refused. Features raise these; each face answers them in its own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta


class Refusal(Exception):
    """A request that cannot be granted: a stable `code` and one public sentence that tells what to do."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = tuple(details)


class NotFound(Refusal):
    """There is no such thing, or it is another organization's, which must look the same."""

    code = "not_found"


class NotPermitted(Refusal):
    """The caller is known but lacks a scope or a role; both are named, so that somebody can grant them."""

    code = "not_permitted"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        scopes: Sequence[str] = (),
        roles: Sequence[str] = (),
    ) -> None:
        details = [f"Missing scope: {scope}." for scope in scopes] + [
            f"Missing role: {role}." for role in roles
        ]
        super().__init__(message, code=code, details=details or [message])
        self.scopes = tuple(scopes)
        self.roles = tuple(roles)


class Conflict(Refusal):
    """The request is well formed but contradicts the present state."""

    code = "conflict"


class Invalid(Refusal):
    """The request's content is wrong. `fields` maps a field's name to one sentence about it."""

    code = "invalid"

    def __init__(
        self, message: str, *, code: str | None = None, fields: Mapping[str, str] | None = None
    ) -> None:
        self.fields = dict(fields or {})
        super().__init__(message, code=code, details=list(self.fields.values()))


class NotAForm(Invalid):
    """What was sent to a page is no form."""

    code = "not_a_form"


class TooMany(Refusal):
    """The caller must wait for `retry_after`."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that must leave a trace: returned, not raised, so that the transaction commits its record."""

    error: Refusal
