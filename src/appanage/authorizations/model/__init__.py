"""The tables of authorizations and of what the protocol does under them."""

from appanage.authorizations.model.app_policy import (
    AppPolicy,
    AppRule,
    AppRuleMode,
    Requesters,
    SecondAdministrator,
)
from appanage.authorizations.model.authorization import (
    Authorization,
    AuthorizationKind,
    AuthorizationRequest,
    RequestDecision,
    RequestOrigin,
)
from appanage.authorizations.model.changes import Change, ChangeKind
from appanage.authorizations.model.policy import IntegrationPolicy, IntegrationRule, PolicyMode
from appanage.authorizations.model.proposal import AuthorizationProposal, ProposalState
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
    "AppPolicy",
    "AppRule",
    "AppRuleMode",
    "Authorization",
    "AuthorizationCode",
    "AuthorizationKind",
    "AuthorizationProposal",
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
    "ProposalState",
    "PushedRequest",
    "RefreshToken",
    "RequestDecision",
    "RequestOrigin",
    "Requesters",
    "Revocation",
    "RevocationKind",
    "SecondAdministrator",
    "SigningKeyRecord",
    "SpentProof",
    "SupersededRefreshToken",
]
