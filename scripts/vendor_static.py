"""Fetches the third-party files of the pages and writes them into the package. For developers only.

python scripts/vendor_static.py           fetch with npm pack, check the hashes, write
python scripts/vendor_static.py --check   compare the written files with the hashes, offline
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "src" / "appanage" / "web" / "static"

HTMX = "htmx.org@4.0.1"
INTER = "@fontsource-variable/inter@5.3.0"
TABLER = "@tabler/icons@3.51.0"

COPIES = {
    "vendor/htmx.min.js": (HTMX, "dist/htmx.min.js"),
    "vendor/hx-csp.min.js": (HTMX, "dist/ext/hx-csp.min.js"),
    "fonts/inter-latin-wght-normal.woff2": (INTER, "files/inter-latin-wght-normal.woff2"),
    "fonts/inter-latin-ext-wght-normal.woff2": (INTER, "files/inter-latin-ext-wght-normal.woff2"),
}
LICENCES = (
    ("htmx and its hx-csp extension (Zero-Clause BSD)", HTMX),
    ("Inter (SIL Open Font License 1.1)", INTER),
    ("Tabler Icons, in icons.json (MIT)", TABLER),
)
SHA256 = {
    "vendor/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "vendor/hx-csp.min.js": "a7e1e6711ae6c3e50ad300fba7936cbe8d07599cdae313414a179ddd6b26e143",
    "fonts/inter-latin-wght-normal.woff2": "3100e775e8616cd2611beecfa23a4263d7037586789b43f035236a2e6fbd4c62",
    "fonts/inter-latin-ext-wght-normal.woff2": "34b9c504cab7a73e37b746343a449132e56cf7b5481af2cb81dc74dcff25c956",
    "icons.json": "973ff7e6083d5933652ce1d1951122c3156e1042ad5403ada7182fd1d556b9bf",
    "vendor/LICENSES.txt": "dda24b0bcf30b4a02ed0e3f94cffd11281cd717dba2e9ddf8ed2b9dedc66b736",
}
ICONS = """
    adjustments alert-octagon alert-triangle apps arrow-left arrow-narrow-down arrow-narrow-up arrow-right
    arrows-left-right ban bell book book-2 braces building building-community calendar certificate chart-line check
    checklist chevron-down chevron-right circle-check circle-x clock code copy device-desktop dots download
    external-link eye eye-off file-code file-import filter fingerprint help-circle history info-circle inbox key
    key-off layout-dashboard layout-grid link list-check list-search lock login logout mail map-pin menu-2 message
    moon pencil photo player-pause plug-connected plus refresh robot search send server-cog settings shield
    shield-check shield-lock shield-off sun terminal-2 trash upload user user-circle users video webhook world x
"""

DRAWING = re.compile(r"(?:<(?:path|circle|rect|line|polyline|ellipse) [^<>]*/>)+")
BOUNDING_BOX = '<path stroke="none" d="M0 0h24v24H0z" fill="none"/>'


def unpack(package: str, into: Path) -> Path:
    """The folder of a package as npm serves it."""
    into.mkdir()
    subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", into, package],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tarfile.open(next(into.glob("*.tgz"))) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def drawing(svg: str) -> str:
    """The shapes of an icon without the wrapping element and the invisible frame."""
    inner = svg.partition(">")[2].rpartition("</svg>")[0]
    shapes = re.sub(r"\s*\n\s*", "", inner).replace(" />", "/>").replace(BOUNDING_BOX, "")
    if not DRAWING.fullmatch(shapes):
        raise SystemExit(f"An icon holds more than shapes: {shapes}")
    return shapes


def icons(package: Path) -> bytes:
    folder = package / "icons" / "outline"
    found = {
        name: drawing((folder / f"{name}.svg").read_text(encoding="utf-8")) for name in sorted(ICONS.split())
    }
    return (json.dumps(found, indent=0) + "\n").encode()


def licences(packages: dict[str, Path]) -> bytes:
    texts = []
    for title, package in LICENCES:
        text = (packages[package] / "LICENSE").read_text(encoding="utf-8").strip()
        texts.append(f"{title}\n{package}\n{'=' * 72}\n\n{text}\n")
    return "\n\n".join(texts).encode()


def fetch() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        packages = {
            package: unpack(package, Path(folder, str(n))) for n, package in enumerate((HTMX, INTER, TABLER))
        }
        files = {
            target: (packages[package] / member).read_bytes() for target, (package, member) in COPIES.items()
        }
        return files | {"icons.json": icons(packages[TABLER]), "vendor/LICENSES.txt": licences(packages)}


def differences(files: dict[str, bytes]) -> list[str]:
    found = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return [
        f"{name}: expected {SHA256[name]}, found {digest}"
        for name, digest in found.items()
        if digest != SHA256[name]
    ]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--check", action="store_true", help="only compare the written files with the hashes"
    )
    check = options.parse_args().check
    files = {name: (STATIC / name).read_bytes() for name in SHA256} if check else fetch()
    if wrong := differences(files):
        sys.exit("\n".join(wrong))
    if not check:
        for name, content in files.items():
            (STATIC / name).parent.mkdir(parents=True, exist_ok=True)
            (STATIC / name).write_bytes(content)
    print(f"{len(files)} files match their hashes.")


if __name__ == "__main__":
    main()
