"""What a composer is."""

from collections.abc import Callable, Iterator

from appanage.mail.notices import Notice
from appanage.mail.story import Story

Composer = Callable[[Story], Iterator[Notice]]
