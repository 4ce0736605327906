"""Writes the generated pages of docs/reference from the code; with --check it only says which ones are old."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

from appanage.apps.scopes import catalogue, families
from appanage.cli.commands import program as command_line
from appanage.events.catalogue import TYPES
from appanage.kit import errors
from appanage.kit.http import status_of
from appanage.oauth.errors import all_errors
from appanage.profiles import PROFILES, Profile
from appanage.settings import Lifetimes, Settings
from standards import STANDARDS, Proof, modules_of_tests, proofs

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
GENERATED = "<!-- Written by scripts/make_reference.py; change the code instead. -->\n"


def settings() -> str:
    rows = list(_fields(Settings, "APPANAGE_"))
    return _page(
        "Settings",
        "A setting is an environment variable, or a key of the TOML file that `APPANAGE_CONFIG` names.\n"
        "The environment wins. Durations are ISO 8601 (`P14D`) or seconds.",
        _table(("Variable", "Default", "Meaning"), rows),
    )


def profiles() -> str:
    found = list(PROFILES.values())
    rules = [(rule, *(say(profile) for profile in found)) for rule, say in _RULES.items()]
    bounded = sorted({name for profile in found for name in (*profile.lifetimes, *profile.longest)})
    lifetimes = [
        (f"`APPANAGE_LIFETIMES__{name.upper()}`", *(_bounds(profile, name) for profile in found))
        for name in bounded
    ]
    return _page(
        "Profiles",
        "`APPANAGE_PROFILE` chooses the rules of a deployment. A setting that goes beyond them is refused at the start.\n"
        "Where several values are possible, the first is the one without a setting.",
        _table(("Rule", *(str(profile.name) for profile in found)), rules),
        _table(("Lifetime", *(str(profile.name) for profile in found)), lifetimes),
    )


_RULES: dict[str, Callable[[Profile], str]] = {
    "Apps are made": lambda profile: (
        "by Full Administrators, who alone change them, through the API"
        if profile.by_administrators
        else "by any person, in the portal and through the API"
    ),
    "App Hub": lambda profile: "yes" if profile.has_app_hub else "no",
    "ID tokens are signed with": lambda profile: profile.signs_id_tokens_with,
    "Clients sign with (`APPANAGE_CLIENT_ALGORITHMS`)": lambda profile: ", ".join(profile.client_algorithms),
    "Passwords are kept by (`APPANAGE_PASSWORD_HASH`)": lambda profile: ", ".join(profile.password_hashes),
    "Addresses that others name are called (`APPANAGE_OUTBOUND`)": lambda profile: ", ".join(
        profile.outbound
    ),
    "Letters are sent under (`APPANAGE_MAIL__SECURITY`)": lambda profile: ", ".join(profile.mail_security),
}


def _bounds(profile: Profile, name: str) -> str:
    usual = profile.lifetimes.get(name, getattr(Lifetimes(), name))
    longest = profile.longest.get(name)
    return f"`{_duration(usual)}`" + (f", at most `{_duration(longest)}`" if longest else "")


def events() -> str:
    rows = [(f"`{type_.name}`", type_.category, type_.description, type_.action) for type_ in TYPES]
    return _page(
        "Events",
        "Every state change and every security refusal writes one event, in its own transaction.\n"
        "The category is the `eventCategory` of the audit API.",
        _table(("Event", "Category", "Description", "Text"), rows),
    )


def error_codes() -> str:
    families_ = [_refusal(kind) for kind in errors.Refusal.__subclasses__()]
    oauth = [(f"`{kind.code}`", str(kind.status), kind.__name__) for kind in all_errors()]
    return _page(
        "Errors",
        "An API error is `{message, errors: [{description}], trackingId}`; the header `TrackingID` names the request.\n"
        "OAuth endpoints add `error` and `error_description`.",
        "## API\n\n" + _table(("Family", "Status", "Meaning"), families_),
        "## OAuth\n\n" + _table(("Code", "Status", "Kind"), oauth),
    )


def scopes() -> str:
    parts = [
        f"## {family.heading}\n\n"
        + _table(("Scope", "Allows", "Risk", "Granted by", "Service Apps"), _scopes(family.scopes))
        for family in families()
    ]
    return _page("Scopes", f"There are {len(catalogue())} scopes.", *parts)


def commands() -> str:
    root = get_command(command_line)
    context = typer.Context(root, info_name="appanage")
    return _page("Commands", "Every command explains itself with `--help`.", *_commands(root, context))


def standards() -> str:
    rows = [(f"[{one.heading}]({one.address})", one.state, one.remark) for one in STANDARDS]
    modules = modules_of_tests()
    proven = [(one.heading, list(proofs(one, modules))) for one in STANDARDS]
    return _page(
        "Standards",
        "A test names the standard that it proves, or a security control that the standard demands.\n"
        "Below are these tests by their names, which are sentences; where a whole file is about a standard, "
        "only how many there are.",
        _table(("Standard", "State", "Remark"), rows),
        *(f"## {heading}\n\n" + "\n".join(map(_proof, found)) for heading, found in proven if found),
    )


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "profiles.md": profiles,
    "events.md": events,
    "errors.md": error_codes,
    "scopes.md": scopes,
    "commands.md": commands,
    "standards.md": standards,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check: bool = parser.parse_args().check
    old = [name for name, make in PAGES.items() if _differs(FOLDER / name, make())]
    for name in old:
        print(f"{name} is old" if check else f"{name} written")
        if not check:
            (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
    return 1 if check and old else 0


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


def _fields(model: type[BaseModel], prefix: str) -> Iterable[Sequence[str]]:
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{variable}__")
        else:
            yield f"`{variable}`", _default(name, field.default), field.description or ""


def _default(name: str, value: Any) -> str:
    if name == "data":
        return "the platform's data folder"
    if name == "trusted_proxies":
        return "`127.0.0.1`"
    if name == "client_algorithms":
        return "the profile's"
    if value is None or value is PydanticUndefined:
        return ""
    return f"`{value}`" if not isinstance(value, timedelta) else f"`{_duration(value)}`"


def _duration(value: timedelta) -> str:
    if value.days and not value.seconds:
        return f"P{value.days}D"
    return f"PT{value.total_seconds():g}S"


def _refusal(kind: type[errors.Refusal]) -> Sequence[str]:
    made = kind.__new__(kind)
    return f"`{kind.code}`", str(status_of(made)), (kind.__doc__ or "").splitlines()[0]


def _scopes(found: Iterable[Any]) -> list[Sequence[str]]:
    return [
        (f"`{one.name}`", one.title, one.risk, one.granted_by.replace("_", " "), _use(one)) for one in found
    ]


def _use(scope: Any) -> str:
    return f"{scope.service_app}: {scope.reason}" if scope.reason else str(scope.service_app)


def _commands(command: Any, context: Any) -> Iterable[str]:
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        yield f"## `{context.command_path}`\n\n{_help(command)}\n\n{_options(command, context)}".rstrip()
    for name, sub in subcommands.items():
        yield from _commands(sub, typer.Context(sub, info_name=name, parent=context))


def _help(command: Any) -> str:
    return " ".join((command.help or "").replace("\f", " ").split())


def _options(command: Any, context: Any) -> str:
    records = [record for one in command.get_params(context) if (record := one.get_help_record(context))]
    rows = [(f"`{names}`", " ".join(text.split())) for names, text in records if "--help" not in names]
    return _table(("Option", "Meaning"), rows) if rows else ""


def _proof(proof: Proof) -> str:
    path = proof.module.path
    return "\n".join(
        [f"- [{path}](../../{path})" + _share(proof), *(f"    - {one}" for one in _sentences(proof))]
    )


def _share(proof: Proof) -> str:
    """How much of its file belongs to the standard, when the file itself says so."""
    if not proof.is_whole:
        return ""
    count = f": {len(proof.module.tests)} tests"
    return f"{count}, also of {', '.join(proof.beside)}" if proof.beside else count


def _sentences(proof: Proof) -> list[str]:
    return [one.sentence for one in proof.tests] if proof.beside or not proof.is_whole else []


def _page(title: str, intro: str, *parts: str) -> str:
    return "\n".join([f"# {title}\n", GENERATED, intro + "\n", "\n\n".join(parts)]) + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(headers), _row(["---"] * len(headers)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
