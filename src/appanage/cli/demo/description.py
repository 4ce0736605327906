"""Telling how to use the demonstration, to people and to programs."""

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appanage.apps.model import App, AppKind
from appanage.authorizations import personal_tokens
from appanage.cli.console import Problem
from appanage.cli.demo import keepsake, making
from appanage.cli.demo.cast import ORGANIZATIONS, PASSWORD, DemoOrganization
from appanage.cli.demo.keepsake import Keepsake
from appanage.cli.opening import opened, settings_of
from appanage.deployment import Deployment
from appanage.directory import queries as directory
from appanage.directory.model import Account
from appanage.events import Actor
from appanage.kit.ids import Kind
from appanage.kit.origin import command_line_origin
from appanage.settings import Settings
from appanage.storage import Transaction

NAMES = {AppKind.SERVICE_APP: "serviceApp", AppKind.INTEGRATION: "integration", AppKind.BOT: "bot"}
_LONGEST_WAIT = 5  # seconds that the running demonstration has to answer a connection


def announcement(settings: Settings, base_url: str) -> str:
    """Where to go and how to sign in as each."""
    brand = settings.brand
    lines = [
        f"{brand.product} demonstration: {base_url}",
        "",
        f"  {brand.portal:<18} {base_url}/portal/apps",
        f"  {brand.hub:<18} {base_url}/hub/service-apps",
        "",
        f"  Sign in as any of these with the password  {PASSWORD}",
        "",
        *_rows(),
        "",
        f"  Tokens and client secrets for programs: appanage demo --json --data {settings.data}",
    ]
    return "\n".join(lines)


def describe(data: Path | None, *, as_json: bool) -> str:
    """How to use the running demonstration. Raises Problem when none is running."""
    folder = settings_of(data).data.expanduser()
    kept = keepsake.read(folder)
    if kept is None:
        raise Problem(
            f"There is no demonstration in {folder}. Start one: appanage serve --demo --data {folder}"
        )
    _require_running(kept)
    with opened(data) as deployment:
        if as_json:
            return json.dumps(document(deployment, kept), indent=2, ensure_ascii=False)
        return announcement(deployment.settings, kept.base_url)


def document(deployment: Deployment, kept: Keepsake) -> dict[str, Any]:
    """Everything that a program needs, with fresh personal access tokens."""
    with deployment.transaction(command_line_origin()) as tx:
        return {
            "baseUrl": kept.base_url,
            "organizations": [
                {"id": _organization_id(deployment, one), "name": one.name} for one in ORGANIZATIONS
            ],
            "people": list(_people(deployment, tx)),
            "apps": list(_apps(deployment, tx, kept)),
        }


def _people(deployment: Deployment, tx: Transaction) -> Iterator[dict[str, Any]]:
    for organization in ORGANIZATIONS:
        for person in organization.people:
            account = directory.find_person_by_email(tx, person.email)
            if account is not None:
                yield {
                    "email": account.email,
                    "password": PASSWORD,
                    "organizationId": _organization_id(deployment, organization),
                    "roles": [role.label for role in person.roles],
                    "token": _fresh_token(deployment, tx, account),
                }


def _fresh_token(deployment: Deployment, tx: Transaction, account: Account) -> str:
    """However often it is asked for: the oldest give way."""
    longest: timedelta = deployment.settings.lifetimes.personal_token
    by = Actor("The demonstration")
    for oldest in personal_tokens.list_live(tx, account)[personal_tokens.MOST - 1 :]:
        personal_tokens.revoke(tx, oldest, by=by)
    return personal_tokens.create(tx, account, by=by, lifetime=longest, longest=longest).reveal()


def _apps(deployment: Deployment, tx: Transaction, kept: Keepsake) -> Iterator[dict[str, Any]]:
    for app in making.find_apps(tx):
        yield {
            "id": deployment.ids.encode(Kind.APPLICATION, app.client_id),
            "type": NAMES[AppKind(app.kind)],
            "name": app.name,
            "organizationId": deployment.ids.encode(Kind.ORGANIZATION, app.organization_id),
        } | _way_in(app, kept.secrets.get(app.name, ""))


def _way_in(app: App, secret: str) -> dict[str, Any]:
    """What an app of its kind is called with."""
    if app.is_bot:
        return {"botEmail": app.bot_email, "botToken": secret}
    return {"clientId": app.client_id, "clientSecret": secret, "redirectUrls": list(app.redirect_urls)}


def _organization_id(deployment: Deployment, one: DemoOrganization) -> str:
    return deployment.ids.encode(Kind.ORGANIZATION, one.id)


def _require_running(kept: Keepsake) -> None:
    url = urlsplit(kept.base_url)
    address = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=_LONGEST_WAIT).close()
    except OSError as cause:
        sentence = f"The demonstration is not running: nothing answers at {kept.base_url}. Start it: appanage serve --demo"
        raise Problem(sentence) from cause


def _rows() -> Iterator[str]:
    for organization in ORGANIZATIONS:
        yield f"  {organization.name}{_remark(organization)}"
        for person in organization.people:
            name = f"{person.first_name} {person.last_name}"
            yield f"    {person.email:<30} {name:<16} {person.does}"


def _remark(organization: DemoOrganization) -> str:
    if organization.is_operator:
        return " (runs the platform)"
    return " (free plan)" if organization.plan == "free" else ""
