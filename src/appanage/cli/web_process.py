"""A web process of several that `serve` starts. Its server is told where to find what is here by name."""

import multiprocessing

from appanage.kit.process import die_with_parent, importing, keep_what_exists, share_heaps

with importing():  # nothing of it was imported before
    from starlette.types import ASGIApp

    from appanage.app import serving
    from appanage.edge.protocol import EdgeProtocol
    from appanage.kit.logs import configure_logs
    from appanage.settings import Settings

__all__ = ["EdgeProtocol", "web_application"]


def web_application() -> ASGIApp:
    """The application in such a process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    assert parent.pid is not None
    die_with_parent(parent.pid)
    share_heaps()
    settings = Settings()
    configure_logs(settings.log_format, settings.log_level)
    application = serving()
    keep_what_exists()
    return application
