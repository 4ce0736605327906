"""What is done for the app store while nobody waits."""

from functools import partial

from appanage.apphub import links
from appanage.deployment import Deployment
from appanage.jobs.pruning import Pause
from appanage.kit.origin import internal_origin


def ask_links(deployment: Deployment, pause: Pause) -> int:
    """Asks whether the links of listings that were handed in answer; tells of how many."""
    if not deployment.settings.rules.has_app_hub:
        return 0
    begin = partial(deployment.transaction, internal_origin())
    return links.ask_all(begin, deployment.fetcher, must_end=lambda: pause(0))
