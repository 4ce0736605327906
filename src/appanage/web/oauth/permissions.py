"""Scopes in the words of the consent page: what an app may do, the riskiest first."""

from collections.abc import Collection
from dataclasses import dataclass

from appanage.apps.scopes import Scope, by_risk

# The catalogue tells administrators about "the person"; here the person reads it.
_TO_ONESELF = {
    "openid": "Sign you in",
    "profile": "See your name",
    "email": "See your e-mail address",
    "phone": "See your phone number",
    "address": "See your postal address",
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One line of a list of permissions; `detail` is the worst that can come of it."""

    title: str
    detail: str
    risk: str
    name: str
    new: bool = False


def describe(names: Collection[str], *, new: bool = False) -> list[Permission]:
    return [_permission(scope, new=new) for scopes in by_risk(names).values() for scope in scopes]


def _permission(scope: Scope, *, new: bool) -> Permission:
    title = _TO_ONESELF.get(scope.name, scope.title)
    return Permission(title, scope.consequence, scope.risk.value, scope.name, new)
