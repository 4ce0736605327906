"""Choosing scopes: the catalogue for the picker, with what each choice means for the one who chooses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from appanage.apps.scopes import (
    SCOPE_BUDGET,
    Family,
    GrantedBy,
    Risk,
    Scope,
    ServiceAppUse,
    by_risk,
    families,
    joined_length,
    needs_compliance_officer,
)
from appanage.kit.text import count_of


@dataclass(frozen=True, slots=True)
class Choice:
    """One row; `off` is why it cannot be chosen."""

    id: str
    text: str
    risk: str
    note: str
    on: bool
    off: str
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    note: str
    scopes: list[Choice]


@dataclass(frozen=True, slots=True)
class Picker:
    """The whole picker with its state; the server's side of what script keeps up to date."""

    chosen: frozenset[str]
    reasons: Mapping[str, str]

    @property
    def groups(self) -> list[Group]:
        return [self._group(family) for family in families()]

    @property
    def budget(self) -> int:
        return SCOPE_BUDGET

    @property
    def used(self) -> int:
        return joined_length(self.chosen)

    @property
    def risks(self) -> dict[str, int]:
        return {risk.value: len(scopes) for risk, scopes in by_risk(self.chosen).items()}

    @property
    def needs_compliance(self) -> bool:
        return bool(needs_compliance_officer(self.chosen))

    def _group(self, family: Family) -> Group:
        return Group(
            family.heading,
            count_of(len(family.scopes), "scope", "scopes"),
            [self._choice(scope) for scope in family.scopes],
        )

    def _choice(self, scope: Scope) -> Choice:
        is_usable = scope.service_app != ServiceAppUse.NO
        return Choice(
            id=scope.name,
            text=scope.title,
            risk=scope.risk.value,
            note=note_on(scope),
            on=scope.name in self.chosen,
            off="" if is_usable else f"Not for Service Apps. {scope.reason}",
            why=self.reasons.get(scope.name, ""),
        )


def picker(chosen: Collection[str], reasons: Mapping[str, str]) -> Picker:
    return Picker(frozenset(chosen), reasons)


def note_on(scope: Scope) -> str:
    """What to know before choosing a scope: how far it works, and who else must approve it."""
    notes = []
    if scope.service_app == ServiceAppUse.LIMITED:
        notes.append(f"Limited: {scope.reason}")
    if scope.granted_by == GrantedBy.COMPLIANCE_OFFICER:
        notes.append("Needs an administrator who is also Compliance Officer.")
    return " ".join(notes)


def as_listed(names: Collection[str], reasons: Mapping[str, str]) -> list[dict[str, str]]:
    """Chosen scopes as a list grouped by risk shows them, the worst outcome beside each."""
    return [_listed(scope, reasons) for risk in Risk for scope in by_risk(names)[risk]]


def _listed(scope: Scope, reasons: Mapping[str, str]) -> dict[str, str]:
    return {
        "id": scope.name,
        "text": scope.title,
        "risk": scope.risk.value,
        "can": scope.consequence,
        "why": reasons.get(scope.name, ""),
    }
