"""What the deployment demands of apps and of the people who make them."""

from dataclasses import dataclass
from datetime import timedelta

from appanage.directory.model import Account
from appanage.directory.roles import Role
from appanage.kit.errors import NotPermitted
from appanage.settings import Settings


@dataclass(frozen=True, slots=True)
class AppRules:
    """The part of the settings and of the profile that apps go by."""

    by_administrators: bool
    most_apps: int
    secret_lifetime: timedelta
    bot_token_lifetime: timedelta
    bot_domain: str
    key_algorithms: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> "AppRules":
        return cls(
            by_administrators=settings.rules.by_administrators,
            most_apps=settings.apps_per_person,
            secret_lifetime=settings.lifetimes.client_secret,
            bot_token_lifetime=settings.lifetimes.bot_token,
            bot_domain=settings.bot_domain,
            key_algorithms=tuple(settings.client_algorithms),
        )

    def is_registrar(self, account: Account) -> bool:
        """Whether this person may make apps here, and change those that they own."""
        return not self.by_administrators or account.has_any(Role.FULL_ADMIN)

    def require_registrar(self, account: Account) -> None:
        """Raises NotPermitted for who may not make or change apps here (checklist GOV-03)."""
        if not self.is_registrar(account):
            sentence = "Here only a Full Administrator of your organization makes and changes apps; ask one to do it for you."
            raise NotPermitted(sentence, code="role_missing", roles=[Role.FULL_ADMIN.label])
