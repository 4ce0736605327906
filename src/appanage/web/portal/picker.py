"""Choosing scopes: the catalogue for the picker, with what each choice means for the one who chooses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from appanage.apps.drafts import AppDraft
from appanage.apps.model import AppKind
from appanage.apps.scopes import (
    INTEGRATION_SCOPE_BUDGET,
    OPENID_SCOPES,
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

# What a person needs to allow a scope; nothing is said of those that anybody can allow.
NEEDED = {
    GrantedBy.ORG_ADMIN: "Only administrators can allow it.",
    GrantedBy.FULL_ADMIN: "Only a Full Administrator can allow it.",
    GrantedBy.COMPLIANCE_OFFICER: "Only a Compliance Officer can allow it.",
    GrantedBy.PARTNER_ADMIN: "Only a partner's administrator can allow it.",
}


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
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    note: str
    scopes: list[Choice]


@dataclass(frozen=True, slots=True)
class Picker:
    """The whole picker with its state; the server's side of what script keeps up to date."""

    kind: AppKind
    chosen: frozenset[str]
    reasons: Mapping[str, str]
    optional: frozenset[str]

    @property
    def has_optional(self) -> bool:
        """Whether scopes can be left out by who decides: an administrator can, for a whole organization."""
        return self.kind == AppKind.SERVICE_APP

    @property
    def groups(self) -> list[Group]:
        """For an Integration what people have of their own comes first."""
        ordered = (
            families() if self.kind == AppKind.SERVICE_APP else sorted(families(), key=_is_for_administrators)
        )
        return [self._group(family) for family in ordered]

    @property
    def budget(self) -> int:
        return INTEGRATION_SCOPE_BUDGET if self.kind == AppKind.INTEGRATION else SCOPE_BUDGET

    @property
    def used(self) -> int:
        return joined_length(self.chosen)

    @property
    def risks(self) -> dict[str, int]:
        return {risk.value: len(scopes) for risk, scopes in by_risk(self.chosen).items()}

    @property
    def needs_compliance(self) -> bool:
        return bool(needs_compliance_officer(self.chosen))

    @property
    def roles_needed(self) -> list[str]:
        """What people need to allow all that is chosen, one sentence for each kind of role."""
        granted_by = {scope.granted_by for scopes in by_risk(self.chosen).values() for scope in scopes}
        return [sentence for one, sentence in NEEDED.items() if one in granted_by]

    def _group(self, family: Family) -> Group:
        return Group(
            family.heading,
            count_of(len(family.scopes), "scope", "scopes"),
            [self._choice(scope) for scope in family.scopes],
        )

    def _choice(self, scope: Scope) -> Choice:
        is_service_app = self.kind == AppKind.SERVICE_APP
        is_usable = not is_service_app or scope.service_app != ServiceAppUse.NO
        return Choice(
            id=scope.name,
            text=scope.title,
            risk=scope.risk.value,
            note=note_for_service_apps(scope) if is_service_app else note_for_integrations(scope),
            on=scope.name in self.chosen,
            off="" if is_usable else f"Not for Service Apps. {scope.reason}",
            why=self.reasons.get(scope.name, ""),
            optional=scope.name in self.optional,
        )


def _is_for_administrators(family: Family) -> bool:
    needing_a_role = sum(scope.granted_by != GrantedBy.ANY_USER for scope in family.scopes)
    return needing_a_role * 2 > len(family.scopes)


def picker(draft: AppDraft) -> Picker:
    optional = frozenset(draft.optional_scopes)
    return Picker(draft.kind, frozenset(draft.scopes), draft.scope_reasons, optional)


def note_for_service_apps(scope: Scope) -> str:
    """What to know before choosing a scope: how far it works, and who else must approve it."""
    notes = []
    if scope.service_app == ServiceAppUse.LIMITED:
        notes.append(f"Limited: {scope.reason}")
    if scope.granted_by == GrantedBy.COMPLIANCE_OFFICER:
        notes.append("Needs an administrator who is also Compliance Officer.")
    return " ".join(notes)


def note_for_integrations(scope: Scope) -> str:
    """What to know before choosing a scope: who can allow it, or that there is nothing to choose."""
    if scope.name in OPENID_SCOPES:
        return "Needs no registration: every Integration can ask for it."
    return NEEDED.get(scope.granted_by, "")


def as_listed(
    names: Collection[str], reasons: Mapping[str, str], optional: Collection[str] = ()
) -> list[dict[str, str]]:
    """Chosen scopes as a list grouped by risk shows them, the worst outcome beside each."""
    return [_listed(scope, reasons, optional) for risk in Risk for scope in by_risk(names)[risk]]


def _listed(scope: Scope, reasons: Mapping[str, str], optional: Collection[str]) -> dict[str, str]:
    return {
        "id": scope.name,
        "text": scope.title,
        "risk": scope.risk.value,
        "can": scope.consequence,
        "why": reasons.get(scope.name, ""),
        "note": "Optional" if scope.name in optional else "",
    }
