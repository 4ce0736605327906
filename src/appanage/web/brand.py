"""The operator's accent colour as a stylesheet, since pages may carry no styles of their own."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appanage.deployment import Deployment
from appanage.web.rendering import accent_stylesheet


def routes(deployment: Deployment) -> list[Route]:
    accent = deployment.settings.brand.accent
    if accent is None:
        return []
    stylesheet = accent_stylesheet(accent)

    async def brand_css(request: Request) -> Response:
        del request
        return Response(stylesheet, media_type="text/css", headers={"Cache-Control": "public, max-age=86400"})

    return [Route("/brand.css", brand_css)]
