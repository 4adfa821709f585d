"""What must hold at the end of a soak, each in words and with its figures."""

from __future__ import annotations

from collections import Counter

import ledger
from cameras import ANSWERED, FAILED, RATE, UNKNOWN, Cameras
from place import NODES, PICTURES, Death, Site

MIB = 1 << 20
# A crash costs what was not on disk: results of the last second. They were recorded up to a
# deadline after their frames were taken, and the camera waits for earlier frames.
COMMIT_SECONDS, DEADLINE_SECONDS, SLACK_SECONDS = 1.0, 0.5, 1.0
# Of a node under load with its models, its malloc arenas and its caches.
MOST_RESIDENT = {"leaf": 224 * MIB, "region": 256 * MIB}
# Between the first and the last quarter of the time in which nobody is killed.
MOST_GROWTH = 16 * MIB
MOST_RECEIPTS = 160 * MIB
# Of pictures, 256 folders of a block each: no quota counts them.
FOLDERS = 256 * 4096


class Verdict(list):
    """Checks: words and whether they hold."""

    def __init__(self):
        super().__init__()
        self.figures: dict = {}

    def check(self, words: str, holds: bool, **figures) -> None:
        self.append((words, bool(holds)))
        self.figures |= figures

    @property
    def holds(self) -> bool:
        return all(holds for _, holds in self)


def judge(site: Site, cameras: Cameras, drain_seconds: float | None) -> Verdict:
    verdict = Verdict()
    requests(verdict, site.deaths, cameras)
    disk(verdict, site)
    memory(verdict, site)
    verdict.check("everything was settled" if drain_seconds is not None else
                  f"after the end the leaf still owes {site.owed()}",
                  drain_seconds is not None, drain_seconds=drain_seconds)
    sums(verdict, site)
    counts(verdict, site, cameras)
    return verdict


def requests(verdict: Verdict, deaths: list[Death], cameras: Cameras) -> None:
    """No request fails, but for those that met a dead leaf."""
    silent = len(cameras.all_of(UNKNOWN))
    verdict.check(
        f"{cameras.wanted:,} frames of {len(cameras.fates)} cameras: {cameras.answered:,} answered"
        f" ({mix(cameras.tiers)}; degraded: {mix(cameras.degraded)}), {silent} without an outcome",
        silent == 0, frames=cameras.wanted, answered=cameras.answered,
        tiers=dict(cameras.tiers), degraded=dict(cameras.degraded), silent=silent)
    dead = [one for one in cameras.failures if met_a_dead_leaf(one[2], deaths)]
    rest = [one for one in cameras.failures if not met_a_dead_leaf(one[2], deaths)]
    words = Counter(one[3] for one in rest).most_common(3)
    verdict.check(
        f"{len(rest)} failed while the leaf lived {words or ''}; {len(dead)} more met a dead leaf",
        not rest, failed=len(rest), failed_at_a_dead_leaf=len(dead))


def mix(counts: Counter) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def met_a_dead_leaf(due: float, deaths: list[Death]) -> bool:
    return any(death.node == "leaf"
               and death.at - DEADLINE_SECONDS <= due <= (death.ready or due) + DEADLINE_SECONDS
               for death in deaths)


def disk(verdict: Verdict, site: Site) -> None:
    most = {name: max(getattr(sample, name) for sample in site.samples)
            for name in ("spool", "receipts", "pictures")}
    verdict.check(
        f"the spool had {most['spool'] / MIB:.2f} MiB of disk at most, its quota is"
        f" {site.quota / MIB:.2f} MiB", most["spool"] <= site.quota, spool_bytes=most["spool"],
        quota=site.quota)
    verdict.check(
        f"receipts had {most['receipts'] / MIB:.1f} MiB ({MOST_RECEIPTS // MIB}), the region's"
        f" pictures {most['pictures'] / MIB:.1f} MiB ({PICTURES // MIB})",
        most["receipts"] <= MOST_RECEIPTS and most["pictures"] <= PICTURES * 1.05 + FOLDERS,
        receipt_bytes=most["receipts"], picture_bytes=most["pictures"])


def memory(verdict: Verdict, site: Site) -> None:
    for name in NODES:
        life = [sample.resident[name] for sample in site.samples if name in sample.resident]
        last = max((death.ready or 0 for death in site.deaths if death.node == name), default=0)
        # What a start takes is no growth.
        calm = [sample.resident[name] for sample in site.samples
                if name in sample.resident and sample.at > last + 15]
        if not life or len(calm) < 20:
            verdict.check(f"{name}: too short to say anything of its memory", False)
            continue
        quarter = len(calm) // 4
        before, after = median(calm[:quarter]), median(calm[-quarter:])
        verdict.check(
            f"{name}: {max(life) / MIB:.0f} MiB resident at most ({MOST_RESIDENT[name] // MIB});"
            f" in {len(calm)} s without a kill it went from {before / MIB:.1f} to"
            f" {after / MIB:.1f} MiB (at most {MOST_GROWTH // MIB} more)",
            max(life) <= MOST_RESIDENT[name] and after - before <= MOST_GROWTH,
            **{f"{name}_resident": max(life), f"{name}_growth": after - before})


def median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def sums(verdict: Verdict, site: Site) -> None:
    """Each sequence of each queue is a record or in a gap."""
    accounts = ledger.accounts(site.store)
    given = site.depths()
    for queue, words in (("result", "results"), ("escalation", "owed frames")):
        mine = [one for one in accounts if one.queue == queue and one.node == "leaf"]
        held, lost = sum(one.held for one in mine), sum(one.lost for one in mine)
        reasons = Counter()
        for one in mine:
            for first, last, why in one.gaps:
                reasons[why] += last - first + 1
        verdict.check(
            f"{words}: {given[queue]:,} given to the spool = {held:,} at the region + {lost:,} in"
            f" gaps ({mix(reasons) or 'none'})",
            len(mine) == 1 and mine[0].is_closed and mine[0].through == given[queue],
            **{f"{queue}_given": given[queue], f"{queue}_held": held, f"{queue}_lost": lost})
    pending = ledger.open_receipts(site.fleet.folder / "spool" / "leaf")
    verdict.check(f"{pending} receipts are neither answered nor said to be lost", pending == 0)


def counts(verdict: Verdict, site: Site, cameras: Cameras) -> None:
    """What cameras were told is what the region has."""
    told, known = cameras.all_of(ANSWERED), ledger.frames(site.store)
    invented = known - told - cameras.all_of(FAILED)
    missing = told - known
    deaths = [death.at for death in site.deaths if death.node == "leaf"]
    window = COMMIT_SECONDS + DEADLINE_SECONDS + SLACK_SECONDS
    crashed = {one for one in missing
               if any(at - window <= cameras.due(one[1]) <= at for at in deaths)}
    gaps = sum(one.lost for one in ledger.accounts(site.store)
               if one.queue == "result" and one.node == "leaf")
    rest = len(missing) - len(crashed)
    verdict.check(
        f"{len(told):,} frames answered = {len(told & known):,} at the region + {rest} in gaps"
        f" ({gaps} results are) + {len(crashed)} that {len(deaths)} kills of the leaf cost, none"
        f" taken more than {window:g} s before one; {len(invented)} that nobody sent",
        rest <= gaps and not invented, at_the_region=len(told & known), crashed=len(crashed),
        unexplained=max(0, rest - gaps), invented=len(invented))
    most = (COMMIT_SECONDS + DEADLINE_SECONDS) * RATE * len(cameras.fates) * len(deaths)
    verdict.check(
        f"a crash cost the results of {COMMIT_SECONDS:g} s at most: {len(crashed)} of {most:.0f}",
        len(crashed) <= most)


def missing(site: Site, cameras: Cameras) -> list[tuple[str, int]]:
    """Frames that were answered and that the region does not know, in order of their numbers."""
    return sorted(cameras.all_of(ANSWERED) - ledger.frames(site.store), key=lambda one: one[1])
