"""What the lists of this console share."""

from dataclasses import dataclass
from typing import Any, Self

from appanage.kit.paging import Page
from appanage.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Turns:
    """Where the pager leads. A cursor knows only the way forward, so back is to the first page."""

    first: str | None = None
    next: str | None = None

    @classmethod
    def of(cls, visit: Visit, page: Page[Any]) -> Self:
        return cls(
            first=visit.with_query(cursor=None) if visit.query.get("cursor") else None,
            next=visit.with_query(cursor=page.next_cursor) if page.next_cursor else None,
        )
