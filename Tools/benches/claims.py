"""What Tools/bench says of each budget: that it holds, that it is broken, or that it was not measured,
and why. None is left out: what is not measured counts as not shown."""

from __future__ import annotations


class Claims(list):
    """Rows of what, seen, must, holds; `holds` is None for what was not measured."""

    def at_most(self, what: str, seen: float, bound: float, note: str = "") -> None:
        self._add(what, seen, f"≤ {bound:g}", seen <= bound, note)

    def at_least(self, what: str, seen: float, bound: float, note: str = "") -> None:
        self._add(what, seen, f"≥ {bound:g}", seen >= bound, note)

    def equal(self, what: str, seen: float, wanted: float, note: str = "") -> None:
        self._add(what, seen, f"= {wanted:g}", seen == wanted, note)

    def not_run(self, what: str, must: str, why: str) -> None:
        self._add(what, None, must, None, why)

    def _add(self, what: str, seen, must: str, holds, note: str) -> None:
        self.append({"what": what, "seen": seen, "must": must, "holds": holds, "note": note})

    @property
    def all_hold(self) -> bool:
        return all(claim["holds"] for claim in self)

    def show(self) -> None:
        marks = {True: "holds  ", False: "BROKEN ", None: "NOT RUN"}
        for claim in self:
            seen = "" if claim["seen"] is None else f": {claim['seen']:.4g}"
            note = f"; {claim['note']}" if claim["note"] else ""
            print(f"  {marks[claim['holds']]}  {claim['what']}{seen} ({claim['must']}{note})")
