"""Prunes the deployment that the environment names until no expired refresh token is left; a process of its own."""

import sys
from time import sleep

from sqlalchemy import text

from appanage.deployment import Deployment, assemble
from appanage.jobs.housekeeping import prune_lasting
from appanage.kit.logs import configure_logs
from appanage.kit.origin import internal_origin
from appanage.settings import Settings

_IS_LEFT = text("SELECT EXISTS (SELECT FROM refresh_tokens WHERE expires_at < now())")


def main() -> None:
    configure_logs("console", "info")
    settings = Settings()
    if settings.database_url is None:
        sys.exit("APPANAGE_DATABASE_URL names the database to prune.")
    deployment = assemble(settings, settings.database_url)
    while _is_left(deployment):
        prune_lasting(deployment, _pause)
    deployment.database.dispose()


def _is_left(deployment: Deployment) -> bool:
    with deployment.transaction(internal_origin()) as tx:
        return bool(tx.scalar(_IS_LEFT))


def _pause(seconds: float) -> bool:
    """As the job worker has it, which could also say that it is time to stop."""
    sleep(seconds)
    return False


if __name__ == "__main__":
    main()
