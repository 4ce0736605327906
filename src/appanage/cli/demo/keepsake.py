"""What the demonstration keeps for itself in the data folder, since the database has only digests of it.

Only a demonstration does this: elsewhere a secret is shown once and kept by whoever uses it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

NAME = "demo.json"


@dataclass(frozen=True, slots=True)
class Keepsake:
    """Where the demonstration was last served, and the client secrets and bot tokens of its apps by their names."""

    base_url: str
    secrets: Mapping[str, str] = field(repr=False)


def read(folder: Path) -> Keepsake | None:
    try:
        return Keepsake(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write(folder: Path, keepsake: Keepsake) -> None:
    """Replaces the file in one step; only its owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{NAME}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(keepsake), file)
    new.replace(folder / NAME)
