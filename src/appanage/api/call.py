"""One call of the API: who makes it, in which transaction, with which scopes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from appanage.authorizations.verification import Caller
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.kit.errors import NotFound, NotPermitted, Refused
from appanage.kit.ids import Kind, PublicIds
from appanage.kit.origin import Origin
from appanage.oauth.bearer import read_bearer
from appanage.oauth.errors import InvalidToken
from appanage.storage import Transaction

MISSING = (
    "The server understood the request, but it refused to fulfill it because the access token is missing required "
    "scopes or the user is missing required roles or licenses."
)


class Call:
    """What an endpoint is given: the transaction, the caller and what the request may do."""

    def __init__(self, request: Request, scopes: tuple[str, ...] = ()) -> None:
        self.request = request
        self.any_of = scopes
        self.deployment: Deployment = request.app.state.deployment
        self.origin: Origin = request.state.origin
        self._tx: Transaction | None = None
        self._caller: Caller | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Begins the transaction, finds out who calls, and checks the scopes; raises InvalidToken, NotPermitted."""
        with self.deployment.transaction(self.origin) as self._tx:
            self._caller = self._authenticate(self._tx)
            self.deployment.throttle.count_request(str(self.account.id))
            self.require_scope(*self.any_of)
            yield

    @property
    def tx(self) -> Transaction:
        assert self._tx is not None, "the call is not open"
        return self._tx

    @property
    def caller(self) -> Caller:
        assert self._caller is not None, "the call is not open"
        return self._caller

    @property
    def account(self) -> Account:
        return self.caller.account

    @property
    def organization(self) -> Organization:
        return self.account.organization

    @property
    def ids(self) -> PublicIds:
        return self.deployment.ids

    def has_scope(self, *scopes: str) -> bool:
        return bool(self.caller.scopes.intersection(scopes))

    def require_scope(self, *any_of: str) -> None:
        """Raises NotPermitted unless the token has one of these scopes; without any named, nothing is needed."""
        if any_of and not self.has_scope(*any_of):
            raise NotPermitted(MISSING, code="scope_missing", scopes=any_of[:1])

    def require_role(self, *any_of: Role) -> None:
        """Raises NotPermitted unless a person has one of these roles; a machine account acts by its scopes alone."""
        if not self.account.is_machine and not self.account.has_any(*any_of):
            raise NotPermitted(MISSING, code="role_missing", roles=[role.label for role in any_of])

    def own_organization(self, public_id: str | None) -> Organization:
        """The caller's organization, which is the only one that a call can be about; raises NotFound for another."""
        if public_id is not None and self.ids.decode(Kind.ORGANIZATION, public_id) != self.organization.id:
            raise no_such_organization()
        return self.organization

    def _authenticate(self, tx: Transaction) -> Caller:
        headers = [value for name, value in self.request.scope["headers"] if name == b"authorization"]
        token = read_bearer(headers)
        if token is None:
            raise InvalidToken("no token")
        return self.deployment.verifier.caller_of(tx, token)


def needs(*scopes: str) -> Any:
    """Declares a call that needs one of these scopes; none means any valid token."""

    async def prepared(request: Request) -> Call:  # async, so that it costs no thread
        call = request.state.call = Call(request, scopes)
        return call

    return Depends(prepared)


class TransactionalRoute(APIRoute):
    """Runs an endpoint in one thread and one transaction, which is committed before the answer is written."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["response_model_exclude_none"] = True
        super().__init__(path, _in_one_transaction(endpoint), **options)


def _in_one_transaction(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    if "call" not in signature(endpoint).parameters:
        return endpoint

    @wraps(endpoint)
    def run(**arguments: Any) -> Any:
        with arguments["call"].open():
            answer = endpoint(**arguments)
        if isinstance(answer, Refused):  # its record is committed by now
            raise answer.error
        return answer

    return run


AnyCaller = Annotated[Call, needs()]


def no_such_organization() -> NotFound:
    return NotFound("There is no organization with this id.", code="organization_not_found")
