from starlette.routing import Route

from appanage.web.pages import Pages


def routes(pages: Pages) -> list[Route]:
    del pages
    return []
