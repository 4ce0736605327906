"""Turns templates into pages: the Jinja environment with its filters and globals."""

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

STATIC = files("appanage.web") / "static"

# Not from strftime, which follows the locale of the process.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Below which distance, counted in what, said how.
PAST = (
    (timedelta(hours=1), timedelta(minutes=1), "%(num)d min ago", "%(num)d min ago"),
    (timedelta(days=1), timedelta(hours=1), "%(num)d h ago", "%(num)d h ago"),
    (timedelta(weeks=2), timedelta(days=1), "%(num)d day ago", "%(num)d days ago"),
    (timedelta(weeks=9), timedelta(weeks=1), "%(num)d week ago", "%(num)d weeks ago"),
)
FUTURE = (
    (timedelta(hours=1), timedelta(minutes=1), "in %(num)d min", "in %(num)d min"),
    (timedelta(days=1), timedelta(hours=1), "in %(num)d h", "in %(num)d h"),
    (timedelta(weeks=2), timedelta(days=1), "in %(num)d day", "in %(num)d days"),
    (timedelta(weeks=9), timedelta(weeks=1), "in %(num)d week", "in %(num)d weeks"),
)

Colour = tuple[float, float, float]
WHITE: Colour = (1, 1, 1)
BLACK: Colour = (0, 0, 0)
NIGHT: Colour = (0.08, 0.11, 0.14)  # what cards look like in the dark theme
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3

ATTRIBUTE_NAME = re.compile(r"(?!on|style$)[a-z][a-z0-9:-]*")
HUES = 6


@cache
def environment() -> Environment:
    """The environment over the templates of this package, which keeps what it compiled. Nobody changes it."""
    env = Environment(
        loader=PackageLoader("appanage.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # the extension adds this method
    env.globals.update(icon=icon, asset=asset, spark_points=spark_points)
    env.filters.update(
        ago=ago,
        attributes=attributes,
        date=date,
        datetime=date_and_time,
        hue=hue,
        initials=initials,
        iso=iso,
        number=number,
    )
    return env


def render(env: Environment, template: str, context: Mapping[str, Any]) -> str:
    return env.get_template(template).render(context)


def icon(name: str, size: int = 18, label: str | None = None) -> Markup:
    """An outline icon as inline SVG: an image when it has a label, else decoration."""
    aria = (
        Markup('role="img" aria-label="{}"').format(label)
        if label
        else Markup('aria-hidden="true" focusable="false"')
    )
    return Markup(
        '<svg class="ico" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" {1}>{2}</svg>'
    ).format(size, aria, _shapes(name))


def _shapes(name: str) -> Markup:
    if name not in _icons():
        raise LookupError(f"There is no icon named {name!r}.")
    return Markup(_icons()[name])  # noqa: S704  # shapes of our own package, never from a request


@cache
def _icons() -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / "icons.json").read_text(encoding="utf-8"))
    return found


@cache
def asset(path: str) -> str:
    """The address of a static file; its digest lets browsers keep the file for ever."""
    return f"/static/{path}?v={hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]}"


@pass_context
def attributes(context: Context, values: Mapping[str, Any]) -> Markup:
    """HTML attributes: True is a bare name, None and False are left out, and htmx gets its nonce.

    A style or an event handler is refused, because the content security policy would only block it in the browser.
    """
    given = {name: value for name, value in values.items() if _is_set(value)}
    if any(name.startswith("hx-") for name in given):
        given.setdefault("hx-nonce", context["nonce"])
    return Markup().join(_attribute(name, value) for name, value in given.items())


def _is_set(value: Any) -> bool:
    return not (value is None or value is False or isinstance(value, Undefined))


def _attribute(name: str, value: Any) -> Markup:
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise ValueError(f"Pages may not set the attribute {name!r}.")
    return Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)


def date_and_time(value: datetime) -> str:
    return f"{date(value)}, {_utc(value):%H:%M} UTC"


def date(value: datetime) -> str:
    day = _utc(value)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def iso(value: datetime) -> str:
    return _utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pass_context
def ago(context: Context, value: datetime, now: datetime) -> str:
    """How long before or after `now`, roughly; the date when that is far away."""
    distance = abs(now - value)
    if distance < timedelta(minutes=1):
        return str(context.call(context["gettext"], "just now"))
    for limit, unit, one, many in FUTURE if value > now else PAST:
        if distance < limit:
            return str(context.call(context["ngettext"], one, many, distance // unit))
    return date(value)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("A time on a page must know its time zone.")
    return value.astimezone(UTC)


def initials(name: str) -> str:
    """Two letters that stand for a name where there is no picture."""
    words = re.findall(r"\w+", name)
    letters = words[0][0] + words[-1][0] if len(words) > 1 else "".join(words)[:2]
    return letters.upper() or "?"


def hue(text: str) -> int:
    """A colour from 1 to 6 that a text keeps from process to process."""
    return zlib.crc32(text.encode()) % HUES + 1


def number(value: float) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def spark_points(values: Sequence[float], width: int = 96, height: int = 24, edge: int = 2) -> str:
    """The points of a trend line that fills the given box."""
    low, span = min(values), (max(values) - min(values)) or 1
    step = (width - 2 * edge) / max(len(values) - 1, 1)
    heights = ((value - low) / span * (height - 2 * edge) for value in values)
    return " ".join(f"{edge + n * step:.1f},{height - edge - rise:.1f}" for n, rise in enumerate(heights))


def accent_stylesheet(accent: str) -> str:
    """The operator's colour (#rrggbb) in the places of ours, shifted until text on and in it can be read."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", accent):
        raise ValueError("An accent colour is written as #rrggbb.")
    colour = (int(accent[1:3], 16) / 255, int(accent[3:5], 16) / 255, int(accent[5:7], 16) / 255)
    day, night = _mix(colour, WHITE, 0.9), _mix(colour, NIGHT, 0.8)
    ink = f"light-dark({_css(_readable(colour, BLACK, on=day))}, {_css(_readable(colour, WHITE, on=night))})"
    return (
        f":root {{ --brand: {_css(_readable(colour, BLACK, on=WHITE))}; --brand-ink: {ink}; --focus: {ink}; "
        f"--brand-bg: light-dark({_css(day)}, {_css(night)}); }}\n"
    )


def _readable(colour: Colour, towards: Colour, *, on: Colour) -> Colour:
    shades = (_mix(colour, towards, step / 50) for step in range(50))
    return next((shade for shade in shades if _contrast(shade, on) >= READABLE), towards)


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (mine + (theirs - mine) * share for mine, theirs in zip(colour, other, strict=True))
    return red, green, blue


def _contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _css(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
