"""The migrations that the job queue's package brings along; ours apply them."""

from collections.abc import Iterator
from pathlib import Path


def migrations_of_the_job_queue(*, after: str = "", until: str) -> Iterator[str]:
    """The scripts whose names lie in this range, the oldest first."""
    for path in _scripts():
        if after < path.name <= until:
            yield path.read_text(encoding="utf-8")


def newest_migration_of_the_job_queue() -> str:
    return _scripts()[-1].name


def _scripts() -> list[Path]:
    from procrastinate.schema import SchemaManager  # slow to import, and needed for a new database only

    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
