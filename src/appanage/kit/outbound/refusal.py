"""What a fetch that failed tells."""


class NotFetched(Exception):
    """Nothing was fetched. `sentence` is public: one sentence that says why and what to do.

    It never tells what a name resolved to or what a library said: whoever supplies addresses could map a network by it.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def not_reachable() -> NotFetched:
    """The same for a name that is not there and for one that leads inside: nobody finds out by it which there are."""
    return NotFetched("The host cannot be reached on the public internet; check its name, or use another.")
