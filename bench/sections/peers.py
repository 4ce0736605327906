"""The peers: introspection and refresh of other servers beside ours, in the same rounds."""

from collections.abc import Sequence
from contextlib import ExitStack

import cases
from load import Case, WrongAnswer
from measuring import Target, measure
from options import Options
from peers import PEERS
from peers.peer import Peer, Unavailable
from results import Compared, Missing
from sections.conditions import Watch
from servers import NotStarted, Running, Server, granian_hello
from stage import Stage


def run(stage: Stage, options: Options) -> Compared:
    """A peer that cannot be had here is told as missing."""
    entrance = _Entrance(stage)
    with entrance.started:
        entrance.add(granian_hello(stage.folder), [cases.of_hello()])
        introspection = cases.introspection(stage.customers, cases.PEER_INTROSPECTION)
        refresh = cases.refresh(stage.customers, cases.PEER_REFRESH)
        entrance.add(stage.platform(), [introspection, refresh])
        for peer in PEERS:
            if not options.peers or peer.name in options.peers:
                entrance.invite(peer)
        watch = Watch(stage)
        figures, wrong = measure(
            entrance.targets, rounds=options.rounds, seconds=options.seconds, say=stage.say
        )
        return Compared(watch.conditions(options), figures, [*entrance.missing, *wrong], entrance.notes)


class _Entrance:
    """Who takes part."""

    def __init__(self, stage: Stage) -> None:
        self.started = ExitStack()
        self.targets: list[Target] = []
        self.missing: list[Missing] = []
        self.notes: dict[str, str] = {}
        self._stage = stage

    def add(self, server: Server, asked: Sequence[Case]) -> None:
        self._await(self.started.enter_context(server.running()), server.name, asked)

    def invite(self, kind: type[Peer]) -> None:
        self._stage.say(f"Installing {kind.name}")
        try:
            peer = kind(self._stage.folder)
            version = peer.install()
            running = self.started.enter_context(peer.server().running())
            self._await(running, kind.name, peer.cases(running.port))
        except (Unavailable, NotStarted, WrongAnswer, OSError) as error:
            self._stage.say(f"{kind.name} is left out: {error}")
            self.missing.append(Missing(kind.name, str(error)))
        else:
            self.notes[kind.name] = f"{version}. {kind.about}"

    def _await(self, server: Running, name: str, asked: Sequence[Case]) -> None:
        self.targets += [Target(case, name, server, self._stage.database_pid) for case in asked]
