"""Descriptions in Markdown, as HTML that is safe to show whoever wrote it."""

from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererProtocol
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_LEVEL_ABOVE = 2  # the page has its title in h1, and the description a title in h2
_LOWEST_LEVEL = 6


def render_markdown(text: str) -> Markup:
    """CommonMark without HTML and pictures; links lead to https only, and vouch for nothing."""
    # Safe: the renderer escapes all text, and HTML of the writer's own is text to it.
    return Markup(_markdown().render(text))  # noqa: S704


@cache
def _markdown() -> "MarkdownIt":
    # Imported with the first description: most processes never show one.
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.validateLink = _is_https  # type: ignore[method-assign]
    markdown.core.ruler.push("headings_below_ours", _lower_headings)
    markdown.add_render_rule("link_open", _open_link)
    markdown.add_render_rule("image", _words_of_picture)
    return markdown


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _lower_headings(state: "StateCore") -> None:
    """Headings begin below the page's own and leave no level out, whatever the writer counts from."""
    headings = [token for token in state.tokens if token.type in {"heading_open", "heading_close"}]
    ranks = sorted({int(token.tag[1]) for token in headings})
    level = _LEVEL_ABOVE
    for token in headings:
        if token.type == "heading_open":
            level = min(_LEVEL_ABOVE + 1 + ranks.index(int(token.tag[1])), level + 1, _LOWEST_LEVEL)
        token.tag = f"h{level}"


def _open_link(
    renderer: "RendererProtocol",
    tokens: "Sequence[Token]",
    index: int,
    options: Any,
    _environment: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("rel", "nofollow noopener")
    return str(renderer.renderToken(tokens, index, options, _environment))  # type: ignore[attr-defined]


def _words_of_picture(
    _renderer: "RendererProtocol",
    tokens: "Sequence[Token]",
    index: int,
    _options: Any,
    _environment: MutableMapping[str, Any],
) -> str:
    """A picture of somewhere else would tell that host who looks; its words are enough."""
    return str(escape(tokens[index].content))
