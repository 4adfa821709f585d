"""One cell of the table: a fault, what must be seen, and the mutation that turns it red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class NotRun(Exception):
    """What a cell needs is missing on this machine; the words say what."""


@dataclass
class Seen:
    """What a cell saw: each check with its words, and the figures behind them."""

    checks: list[tuple[str, bool]] = field(default_factory=list)
    figures: dict = field(default_factory=dict)

    def check(self, words: str, holds: bool) -> None:
        self.checks.append((words, bool(holds)))

    @property
    def passes(self) -> bool:
        return all(holds for _, holds in self.checks)


@dataclass
class Cell:
    name: str
    expected: str
    # What is switched off in the mutated run.
    mutation: str
    # Runs in a folder of its own; `mutated` says whether the mutation is on.
    run: Callable[[Path, bool], Seen]
