"""Static files: immutable under their digest, so that a browser asks once."""

from importlib.resources import files
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class PackagedFiles(StaticFiles):
    """The files of `web/static`; kept for ever when the address names the content."""

    def __init__(self) -> None:
        super().__init__(directory=Path(str(files("appanage.web") / "static")))

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        named = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return response
