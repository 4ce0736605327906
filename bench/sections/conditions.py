"""How figures are taken: the machine, and what else it did meanwhile."""

import os
from datetime import UTC, datetime

from machine import describe, durable_write
from options import Options
from processes import CORES, OtherWork
from results import Conditions
from stage import Stage


class Watch:
    """Looks at the machine from now on."""

    def __init__(self, stage: Stage) -> None:
        self._machine = describe(stage)
        self._durable_write = durable_write(stage.folder)
        self._others = OtherWork(os.getpid(), stage.database_pid)

    def conditions(self, options: Options | None = None) -> Conditions:
        """What held until now; with the rounds if there were any."""
        return Conditions(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=self._machine,
            cores=len(CORES),
            other_work=self._others.cores(),
            durable_write=1000 * self._durable_write,
            rounds=options.rounds if options else 0,
            seconds=options.seconds if options else 0,
        )
