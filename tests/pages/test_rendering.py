"""Filters, icons, addresses of assets, the accent colour."""

import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files

import pytest

from appanage.web import rendering

NOW = datetime(2026, 11, 21, 14, 5, 9, 250_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def env():
    return rendering.environment()


def test_times_are_shown_in_utc_with_the_zone_named(env):
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))

    assert env.filters["datetime"](berlin) == "21 Nov 2026, 14:05 UTC"
    assert env.filters["date"](berlin) == "21 Nov 2026"
    assert env.filters["iso"](berlin) == "2026-11-21T14:05:09.250Z"


@pytest.mark.parametrize("name", ["datetime", "date", "iso"])
def test_a_time_without_zone_is_refused(env, name):
    with pytest.raises(ValueError, match="time zone"):
        env.filters[name](NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(weeks=2), "2 weeks ago"),
        (timedelta(days=200), "5 May 2026"),
        (-timedelta(seconds=5), "just now"),
        (-timedelta(hours=22), "in 22 h"),
        (-timedelta(days=1), "in 1 day"),
    ],
)
def test_a_distance_in_time_is_rough(env, distance, text):
    assert env.from_string("{{ at|ago(now) }}").render(at=NOW - distance, now=NOW) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Workforce Sync", "WS"),
        ("Maria del Carmen López", "ML"),
        ("appanage", "AP"),
        ("Ö", "Ö"),
        ("(x) “y”", "XY"),
        ("", "?"),
        ("…", "?"),
    ],
)
def test_initials_stand_for_a_name(name, letters):
    assert rendering.initials(name) == letters


def test_a_hue_is_stable_and_from_one_to_six():
    hues = [rendering.hue(str(n)) for n in range(100)]

    assert set(hues) == {1, 2, 3, 4, 5, 6}
    assert rendering.hue("Workforce Sync") == 1


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1_374_000, "1\u202f374\u202f000"), (1234.5, "1\u202f234.5")]
)
def test_numbers_are_grouped_by_narrow_spaces(value, text):
    assert rendering.number(value) == text


def test_a_trend_line_fills_its_box():
    assert rendering.spark_points([0, 10, 5]) == "2.0,22.0 48.0,2.0 94.0,12.0"
    assert rendering.spark_points([4]) == "2.0,22.0"


def test_an_icon_is_decoration_unless_it_has_a_label():
    assert 'aria-hidden="true"' in rendering.icon("key")
    assert 'role="img" aria-label="a &#34;key&#34;"' in rendering.icon("key", 14, 'a "key"')


def test_an_unknown_icon_is_an_error():
    with pytest.raises(LookupError, match="no-such-icon"):
        rendering.icon("no-such-icon")


@pytest.mark.parametrize("path", ["console.css", "console.js", "vendor/htmx.min.js", "favicon.svg"])
def test_the_address_of_an_asset_changes_with_its_content(path):
    content = (files("appanage.web") / "static" / path).read_bytes()

    assert rendering.asset(path) == f"/static/{path}?v={hashlib.sha256(content).hexdigest()[:10]}"


def test_an_asset_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError):
        rendering.asset("no-such.css")


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#ffee00", "#e07000", "#1d5ad0", "#00FF88"])
def test_an_accent_of_any_colour_can_be_read(accent):
    colours = dict(re.findall(r"--([a-z-]+): ([^;]+);", rendering.accent_stylesheet(accent)))
    fill, ink, ground = (
        [luminance(c) for c in re.findall("#[0-9a-f]{6}", colours[n])]
        for n in ("brand", "brand-ink", "brand-bg")
    )

    assert contrast(1, fill[0]) >= 4.5
    assert contrast(ink[0], ground[0]) >= 4.4
    assert contrast(ink[1], ground[1]) >= 4.4


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


@pytest.mark.parametrize("accent", ["red", "#fff", "#1d5ad0; } body { display: none", ""])
def test_an_accent_that_is_no_colour_is_refused(accent):
    with pytest.raises(ValueError, match="#rrggbb"):
        rendering.accent_stylesheet(accent)
