"""The tables of authorizations and of what the protocol does under them."""

from appanage.authorizations.model.authorization import (
    Authorization,
    AuthorizationKind,
    AuthorizationRequest,
)
from appanage.authorizations.model.changes import Change, ChangeKind
from appanage.authorizations.model.policy import IntegrationPolicy, IntegrationRule, PolicyMode
from appanage.authorizations.model.protocol import (
    AuthorizationCode,
    DeviceCode,
    Interaction,
    PushedRequest,
    SpentProof,
)
from appanage.authorizations.model.tokens import (
    REMEMBERED_AFTER_EXPIRY,
    BotToken,
    PersonalToken,
    RefreshToken,
    Revocation,
    RevocationKind,
    SigningKeyRecord,
    SupersededRefreshToken,
)

__all__ = [
    "REMEMBERED_AFTER_EXPIRY",
    "Authorization",
    "AuthorizationCode",
    "AuthorizationKind",
    "AuthorizationRequest",
    "BotToken",
    "Change",
    "ChangeKind",
    "DeviceCode",
    "IntegrationPolicy",
    "IntegrationRule",
    "Interaction",
    "PersonalToken",
    "PolicyMode",
    "PushedRequest",
    "RefreshToken",
    "Revocation",
    "RevocationKind",
    "SigningKeyRecord",
    "SpentProof",
    "SupersededRefreshToken",
]
