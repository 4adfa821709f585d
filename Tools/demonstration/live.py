"""A pass as it runs: a block of lines that is redrawn in a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter, deque
from collections.abc import Callable

from passes import TIERS, Answer
from proof import percent

REDRAW_SECONDS = 0.1
LINE_SECONDS = 2.0  # between plain lines, where no terminal is
COLOURS = {"leaf": "\033[32m", "regional": "\033[33m", "cloud": "\033[36m"}
RED, DIM, PLAIN = "\033[31m", "\033[2m", "\033[0m"
WIDEST = 72  # digits of one camera that are shown


class Live:
    """Shows the answers of one pass as they come."""

    def __init__(self, total: int, truth: dict[str, str], streams: int,
                 more: Callable[[], str] | None = None) -> None:
        self.total, self.truth, self.streams = total, truth, streams
        self.more = more  # one line below the others
        self.is_terminal = sys.stdout.isatty()
        self.reels: dict[int, deque[str]] = {}
        self.tiers: Counter[str] = Counter()
        self.right = self.count = self.failed = self.lines = 0
        self.start = self.shown = time.monotonic()
        self.times: deque[float] = deque(maxlen=200)

    def __call__(self, answer: Answer) -> None:
        if not answer.final:
            return
        self.count += 1
        if answer.error is not None:
            self.failed += 1
        else:
            self.tiers[answer.tier] += 1
            self.right += self.truth.get(answer.source) == answer.label
            self.times.append(answer.latency)
        width = min(WIDEST, shutil.get_terminal_size().columns - 14)
        reel = self.reels.setdefault(answer.stream, deque(maxlen=WIDEST))
        reel.append(self._digit(answer))
        while len(reel) > max(width, 8):
            reel.popleft()
        self.tick()

    def tick(self) -> None:
        """Shows the state when it was not shown for a while."""
        pause = REDRAW_SECONDS if self.is_terminal else LINE_SECONDS
        if time.monotonic() - self.shown >= pause:
            self._show()

    def _digit(self, answer: Answer) -> str:
        """The digit in the colour of the tier that read it; wrong ones red and underlined."""
        if answer.error is not None:
            return f"{RED}·{PLAIN}"
        if self.truth.get(answer.source) != answer.label:
            return f"{RED}\033[4m{answer.label}{PLAIN}"
        return f"{COLOURS.get(answer.tier, '')}{answer.label}{PLAIN}"

    def _figures(self, coloured: bool) -> list[str]:
        seconds = max(time.monotonic() - self.start, 1e-3)
        tiers = "  ".join(
            f"{COLOURS[tier] if coloured else ''}{tier} {self.tiers[tier]}"
            f"{PLAIN if coloured else ''}" for tier in TIERS if self.tiers[tier])
        middle = sorted(self.times)[len(self.times) // 2] if self.times else 0
        share = self.right / max(self.count - self.failed, 1)
        failed = f"  without an answer {self.failed}" if self.failed else ""
        return [f"{self.count:4d}/{self.total}  {self.count / seconds:5.0f}/s  {tiers}",
                f"right {percent(share)}  p50 {middle:.1f} ms{failed}"]

    def _show(self) -> None:
        self.shown = time.monotonic()
        more = [self.more()] if self.more else []
        if not self.is_terminal:
            print("  " + "  ".join(self._figures(False) + more), flush=True)
            return
        lines = [f"  camera {number}  {''.join(self.reels.get(number, ()))}"
                 for number in range(1, self.streams + 1)]
        lines += [f"  {figures}" for figures in self._figures(True) + more]
        back = f"\033[{self.lines}A" if self.lines else ""
        sys.stdout.write(back + "".join(f"\033[2K{line}\n" for line in lines))
        sys.stdout.flush()
        self.lines = len(lines)

    def finish(self) -> None:
        """Shows the last state."""
        self._show()


def legend() -> str:
    """What the colours mean."""
    if not sys.stdout.isatty():
        return ""
    tiers = "  ".join(f"{COLOURS[tier]}{tier}{PLAIN}" for tier in TIERS)
    return f"  {DIM}read by:{PLAIN} {tiers}   {RED}\033[4mwrong{PLAIN}"
