"""Sentences for what can go wrong outside of the program: settings, folders, the database."""

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import OperationalError

from appanage.cli.console import Problem
from appanage.kit.errors import Invalid, Refusal
from appanage.kit.fips import NotInFipsMode
from appanage.kit.sealing import Unsealable
from appanage.storage.embedded import DataFolderUnusable

_OTHER_SECRET_KEY = (
    "The signing keys in the database were sealed under another secret key. Start with the APPANAGE_SECRET_KEY, or the "
    "data folder with the file secret-key, that this database was first used with."
)


def problem_of(error: Exception) -> Problem | None:
    """What to tell the operator; None when the error is a fault of the program."""
    if isinstance(error, Problem):
        return error
    return next((tell(error) for kinds, tell in _TELLING if isinstance(error, kinds)), None)


@contextmanager
def as_problems() -> Iterator[None]:
    """What the operator can put right leaves the block as a Problem, a fault of the program as it is."""
    try:
        yield
    except Exception as error:
        problem = problem_of(error)
        if problem is None or problem is error:
            raise
        raise problem from error


def _of_refusal(refusal: Refusal) -> Problem:
    fields = refusal.fields.values() if isinstance(refusal, Invalid) else ()
    return Problem(" ".join(fields) or refusal.message)


def _of_settings(error: ValidationError) -> Problem:
    """One sentence a setting, under the name that the operator gave it; never the value, which may be secret."""
    sentences = [_setting(one["loc"], one["msg"].removeprefix("Value error, ")) for one in error.errors()]
    return Problem(" ".join(sentences), exit_code=2)


def _setting(path: tuple[int | str, ...], message: str) -> str:
    if not path:
        return message
    name = "__".join(str(part).upper() for part in path)
    return f"APPANAGE_{name}: {message[:1].lower()}{message[1:].rstrip('.')}."


def _of_configuration(error: Exception) -> Problem:
    return Problem(f"The configuration cannot be read: {error}.", exit_code=2)


def _of_database(error: OperationalError | psycopg.OperationalError) -> Problem:
    cause = error.orig if isinstance(error, OperationalError) else error
    reason = str(cause).strip().partition("\n")[0].rstrip(".")
    advice = " Check APPANAGE_DATABASE_URL." if os.environ.get("APPANAGE_DATABASE_URL") else ""
    return Problem(f"The database cannot be used: {reason}.{advice}")


_TELLING: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Problem]], ...] = (
    (Refusal, _of_refusal),
    (ValidationError, _of_settings),
    ((SettingsError, tomllib.TOMLDecodeError), _of_configuration),
    ((OperationalError, psycopg.OperationalError), _of_database),
    (NotInFipsMode, lambda error: Problem(str(error), exit_code=2)),
    (DataFolderUnusable, lambda error: Problem(str(error))),
    (Unsealable, lambda _: Problem(_OTHER_SECRET_KEY)),
)
