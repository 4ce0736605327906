"""A shelf: a catalogue of as many listed apps as wanted, whose texts are as uneven as those that people write.

Words are drawn by Zipf's law from one seed, so that there are words in nearly every text, words in a few, and everything in
between; so are companies, categories and tags.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

from psycopg import Connection

from appanage.apphub.vocabulary import CATEGORIES, LANGUAGES

_SEED = 6
_LEXICON = 12_000
_TAGS = 3_000
_SYLLABLES = (
    "an ar be ca ce co da del di do en er fa fi ga gen go ha in ka la le li lo ma men mi mo na ne ni no o pa pe po ra re "
    "ri ro sa se si so ta te ti to tor u va ve vi vo za"
)
_EVERYDAY = (
    "the and for with your team meeting people calendar sync messages report of to a in every when rooms from it "
    "automatically calls users files notes tasks assistant data keeps sends creates spaces customers support tickets "
    "dashboard schedule recording transcript analytics connects without days hours alerts booking desk survey training"
)
_NOUNS = (
    "Calendar Meeting Sync Assistant Notes Connector Bridge Bot Desk Booking Insights Reports Transcripts Recorder Archive "
    "Scheduler Directory Alerts Tickets Survey Tasks Rooms Polls Shifts Payroll Translator Whiteboard Onboarding Signage"
)
_NOW = "2026-01-05T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Shelf:
    """How many apps, and the words and tags that are in their texts, the most frequent first; and all their names."""

    apps: int
    words: Sequence[str]
    tags: Sequence[str]
    names: Sequence[str]


class _Writer:
    """Writes names and texts."""

    def __init__(self) -> None:
        self.random = Random(_SEED)  # noqa: S311 – the same texts in every run
        self._syllables, self._nouns = _SYLLABLES.split(), _NOUNS.split()
        self.lexicon = [*_EVERYDAY.split(), *self._words(_LEXICON)]
        self.tags = self._words(_TAGS)
        self._of_words, self._of_tags = _zipf(len(self.lexicon)), _zipf(len(self.tags))
        self._of_categories, self._of_languages = _zipf(len(CATEGORIES)), _zipf(len(LANGUAGES))

    def _words(self, number: int) -> list[str]:
        """So many different ones."""
        found: dict[str, None] = {}
        while len(found) < number:
            found["".join(self.random.choices(self._syllables, k=self.random.randint(2, 5)))] = None
        return list(found)

    def brand(self) -> str:
        return "".join(self.random.choices(self._syllables, k=3)).capitalize()

    def name(self) -> str:
        return " ".join([self.brand(), *self.random.sample(self._nouns, self.random.choice((1, 1, 2)))])

    def text(self, least: int, most: int) -> str:
        words = self.random.choices(
            self.lexicon, cum_weights=self._of_words, k=self.random.randint(least, most)
        )
        return " ".join(words).capitalize() + "."

    def chosen_tags(self) -> list[str]:
        return list(
            dict.fromkeys(
                self.random.choices(self.tags, cum_weights=self._of_tags, k=self.random.randint(1, 6))
            )
        )

    def chosen_languages(self) -> dict[str, None]:
        spoken = self.random.choices(
            list(LANGUAGES), cum_weights=self._of_languages, k=self.random.randint(1, 4)
        )
        return dict.fromkeys(spoken)

    def chosen_categories(self) -> list[str]:
        return list(
            dict.fromkeys(
                self.random.choices(
                    list(CATEGORIES), cum_weights=self._of_categories, k=self.random.randint(1, 3)
                )
            )
        )


def fill(connection: Connection[Any], *, apps: int, organizations: int) -> Shelf:
    """Lists so many apps of so many organizations, on a database without any."""
    writer, owners = _Writer(), [uuid.uuid4() for _ in range(organizations)]
    owner = uuid.uuid4()
    _copy(connection, "organizations (id, name, plan, created_at)", _organizations(owners))
    _copy(
        connection,
        "accounts (id, organization_id, kind, email, display_name, first_name, last_name, nick_name, phone_numbers, "
        "addresses, site_urls, sip_addresses, invite_pending, login_enabled, created_at, modified_at)",
        [
            (
                owner,
                owners[0],
                "person",
                "shelf@shelf.example",
                "S",
                "",
                "",
                "",
                "[]",
                "[]",
                "{}",
                "[]",
                "f",
                "t",
                _NOW,
                _NOW,
            )
        ],
    )
    made = [(uuid.uuid4(), writer.random.choice(owners), writer.name()) for _ in range(apps)]
    _copy(
        connection,
        "apps (id, organization_id, kind, visibility, client_id, name, description, contact_email, company_name, scopes, "
        "scope_reasons, version, created_by, created_at, modified_at)",
        (
            (
                app,
                of,
                "service_app",
                "public",
                f"C{app.hex}",
                name,
                "",
                "a@b.example",
                None,
                "{}",
                "{}",
                1,
                owner,
                _NOW,
                _NOW,
            )
            for app, of, name in made
        ),
    )
    submissions = {app: uuid.uuid4() for app, _, _ in made}
    _copy(
        connection,
        "submissions (id, app_id, number, state, content, findings, submitted_by, submitted_by_name, submitted_at)",
        ((submissions[app], app, 1, "approved", "{}", "[]", owner, "S", _NOW) for app, _, _ in made),
    )
    listed = list(_listings(writer, made, submissions))
    _copy(
        connection,
        "listings (app_id, slug, submission_id, kind, name, company_name, tagline, description, categories, tags, industry, "
        "languages, is_featured, listed_at, updated_at)",
        listed,
    )
    return Shelf(apps, writer.lexicon, writer.tags, [name for _, _, name in made])


def _organizations(ids: Sequence[uuid.UUID]) -> Iterator[tuple[Any, ...]]:
    return ((one, f"Company {number}", "standard", _NOW) for number, one in enumerate(ids))


def _listings(
    writer: _Writer, made: Sequence[tuple[uuid.UUID, uuid.UUID, str]], submissions: dict[uuid.UUID, uuid.UUID]
) -> Iterator[tuple[Any, ...]]:
    for number, (app, _, name) in enumerate(made):
        yield (
            app,
            f"app-{number}",
            submissions[app],
            writer.random.choice(("service_app", "service_app", "integration")),
            name,
            f"{name.split()[0]} Ltd",
            writer.text(5, 10),
            writer.text(40, 160),
            writer.chosen_categories(),
            writer.chosen_tags(),
            "all",
            list(writer.chosen_languages()),
            number % 2000 == 0,
            _NOW,
            _NOW,
        )


def _copy(connection: Connection[Any], into: str, rows: Any) -> None:
    with connection.cursor().copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _zipf(number: int) -> list[float]:
    return list(accumulate(1 / (place + 2) for place in range(number)))
