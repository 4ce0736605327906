"""One call of the API: who makes it, in which transaction, with which scopes."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Depends, Request

from appanage.authorizations.token_uses import note
from appanage.authorizations.verification import Caller
from appanage.deployment import Deployment
from appanage.directory.model import Account, Organization
from appanage.directory.roles import Role
from appanage.events import Actor
from appanage.events.service import record_refused_change
from appanage.kit.errors import NotFound, NotPermitted
from appanage.kit.ids import Kind, PublicIds
from appanage.kit.origin import Origin
from appanage.oauth.bearer import headers_named, read_token
from appanage.oauth.errors import InvalidToken
from appanage.storage import Transaction

MISSING = (
    "The server understood the request, but it refused to fulfill it because the access token is missing required "
    "scopes or the user is missing required roles or licenses."
)
PERSON_NEEDED = (
    "Apps belong to people, so this needs a person's token, such as a personal access token. "
    "A machine account cannot do it."
)


OWN_TOKEN_NEEDED = (
    "This is a personal act: it needs a personal access token. An app cannot decide in a person's name."
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a token must have for an endpoint: one of these scopes, and a person behind it where that matters.

    Without scopes every valid token will do.
    `own_act`: a person does it without any app in between, as on a page.
    `public`: everybody may, and no token is looked at; who asks is counted by where they ask from.
    """

    any_of: tuple[str, ...]
    person: bool = False
    own_act: bool = False
    public: bool = False

    async def __call__(self, request: Request) -> "Call":
        """The call that the route has prepared; async, so that it costs no thread."""
        call: Call = request.state.call
        return call


def needs(*any_of: str, person: bool = False, own_act: bool = False) -> Any:
    """Declares a call that needs one of these scopes; the first is the one that a refusal names."""
    return Depends(Requirement(any_of, person, own_act))


def anybody() -> Any:
    """Declares a call without a token: nobody is known, so `account` and what rests on it is not there."""
    return Depends(Requirement((), public=True))


class Call:
    """What an endpoint is given: the transaction, the caller and what the request may do."""

    def __init__(self, request: Request, requirement: Requirement) -> None:
        self.request = request
        self.requirement = requirement
        self.deployment: Deployment = request.app.state.deployment
        self.origin: Origin = replace(request.state.origin, method="token")
        self._tx: Transaction | None = None
        self._caller: Caller | None = None
        self._actor: Actor | None = None  # outlives the transaction

    @contextmanager
    def open(self) -> Iterator[None]:
        """Begins the transaction, finds out who calls, and checks the requirement.

        Raises InvalidToken, TooMany, NotPermitted.
        """
        if self.requirement.public:
            self.deployment.throttle.count_visit(self.origin.address)
            with self.deployment.transaction(self.origin) as self._tx:
                yield
            return
        request = self.request
        thumbprint = self.deployment.accept_proof(
            self.origin, request.scope["headers"], method=request.method, path=request.url.path
        )
        try:
            with self.deployment.transaction(self.origin) as self._tx:
                self._caller = self._authenticate(self._tx, thumbprint)
                self._actor = self.account.as_actor()
                self.deployment.throttle.count_request(str(self.account.id))
                self._require(self.requirement)
                yield
        finally:
            self._note_use()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """As `open`, for the act itself: who tries what their roles do not let them do leaves a trace."""
        try:
            with self.open():
                yield
        except NotPermitted as refused:
            self._record_refused_change(refused)
            raise

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

    @property
    def base_url(self) -> str:
        """The address of the API as clients know it."""
        return self.deployment.settings.issuer

    def has_scope(self, *any_of: str) -> bool:
        return bool(self.caller.scopes.intersection(any_of))

    def require_scope(self, *any_of: str) -> None:
        """Raises NotPermitted unless the token has one of these scopes."""
        if not self.has_scope(*any_of):
            raise NotPermitted(MISSING, code="scope_missing", scopes=any_of[:1])

    def require_role(self, *any_of: Role) -> None:
        """Raises NotPermitted unless a person has one of these roles; a machine account acts by its scopes alone."""
        if not self.account.is_machine and not self.account.has_any(*any_of):
            raise NotPermitted(MISSING, code="role_missing", roles=[role.label for role in any_of])

    def own_organization(self, public_id: str | None) -> Organization:
        """The caller's organization, which is the only one that a call can be about; raises NotFound for another."""
        if public_id and self.ids.decode(Kind.ORGANIZATION, public_id) != self.organization.id:
            raise NotFound("There is no organization with this id.", code="organization_not_found")
        return self.organization

    @property
    def actor_id(self) -> uuid.UUID:
        """The account that was found out to call; also after the transaction."""
        assert self._actor is not None, "the call was not opened"
        assert self._actor.id is not None
        return self._actor.id

    def _record_refused_change(self, refused: NotPermitted) -> None:
        """Somebody tried to change what their roles do not let them change."""
        if self._actor is not None and self.request.method != "GET":
            act = f"{self.request.method} /v1{self.request.scope['route'].path}"
            with self.deployment.transaction(self.origin) as tx:
                record_refused_change(tx, self._actor, refused, act)

    def _note_use(self) -> None:
        """A refused request was a use of its token too."""
        if self._caller is not None and self._caller.use is not None:
            note(self.deployment.database, self.origin, self._caller.use)

    def _authenticate(self, tx: Transaction, thumbprint: str | None) -> Caller:
        presented = read_token(headers_named(b"authorization", self.request.scope["headers"]))
        if presented is None:
            raise InvalidToken("no token")
        return self.deployment.verifier.caller_with(tx, presented, thumbprint=thumbprint)

    def _require(self, requirement: Requirement) -> None:
        if requirement.person and not self.account.is_person:
            raise NotPermitted(PERSON_NEEDED, code="person_needed")
        if requirement.own_act and self.account.is_person and self.caller.app is not None:
            raise NotPermitted(OWN_TOKEN_NEEDED, code="own_token_needed")
        if requirement.any_of:
            self.require_scope(*requirement.any_of)
