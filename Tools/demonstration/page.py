"""The report as one self-contained HTML page."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import plots
from claims import LEAST_ACCURACY, MOST_BYTES
from console import WAYS, ms
from proof import chance, percent
from report import CAVEAT

STYLE = """
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1d2733;
  background: #fff; max-width: 860px; margin: 2rem auto 4rem; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p { margin: .5rem 0; } .about, .note { color: #5b6875; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; margin: .5rem 0; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid #dfe4ea;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { color: #5b6875; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
td.words, th.words { text-align: left; white-space: normal; }
.pass, .fail { display: inline-block; min-width: 2.6rem; text-align: center; border-radius: 4px;
  font-size: .8125rem; font-weight: 700; padding: .1rem .45rem; color: #fff; }
.pass { background: #2f855a; } .fail { background: #c53030; }
svg { width: 100%; height: auto; display: block; margin: .6rem 0; font-family: inherit; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem; }
@media (max-width: 700px) { .three { grid-template-columns: 1fr; } }
"""


def html(report: dict[str, Any]) -> str:
    """The whole page."""
    held = sum(claim["holds"] for claim in report["claims"])
    body = [
        "<h1>Canopy: three tiers answer real frames</h1>",
        f"<p>{_summary(report)} {held} of {len(report['claims'])} claims hold.</p>",
        _about(report), "<h2>Claims</h2>", _claims(report), *_digits(report),
        *_others(report), *_outage(report["outage"]), "<h2>Models</h2>", _sizes(report["sizes"])]
    return ("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width\">"
            f"<title>Canopy: demonstration</title><style>{STYLE}</style></head>\n<body>\n"
            + _unbroken("\n".join(body)) + "\n</body></html>\n")


def _unbroken(text: str) -> str:
    """No line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(%|ms|MB|s)\b|%)", "\u00a0", text)


def table(head: list[str], rows: list[list[str]], words: tuple[int, ...] = ()) -> str:
    """A table of cells that are HTML already; columns in `words` hold text."""
    def cells(tag: str, row: list[str]) -> str:
        return "".join(f"<{tag}{' class=words' if i in words else ''}>{cell}</{tag}>"
                       for i, cell in enumerate(row))

    lines = [f"<tr>{cells('td', row)}</tr>" for row in rows]
    header = f"<tr>{cells('th', head)}</tr>" if any(head) else ""
    return "<table>" + header + "".join(lines) + "</table>"


def _summary(report: dict[str, Any]) -> str:
    digits, leaf = report["digits"], report["tiers"]["leaf"]
    right = percent(digits["system"]["accuracy"])
    return (f"Four cameras sent {digits['frames']:,} labelled frames of meter digits at 120 a "
            f"second. The leaf answered {percent(leaf['share'])} of them by itself, in "
            f"{ms(leaf['p50_ms'])} at the median; {right} were read rightly, with "
            f"{percent(digits['bytes_ratio'])} of the bytes that sending everything to the cloud "
            "takes.")


def _about(report: dict[str, Any]) -> str:
    about = report["about"]
    return (f"<p class=about>Commit {escape(about['commit'])} · canopy {escape(about['canopy'])} "
            f"({escape(about['build'])} build) · OpenVINO {escape(about['openvino'])} · "
            f"{about['cores']} cores of {escape(about['cpu'])} · passes took "
            f"{report['seconds']:.0f} s</p>")


def _claims(report: dict[str, Any]) -> str:
    rows = []
    for claim in report["claims"]:
        mark = "pass" if claim["holds"] else "fail"
        rows.append([f"<span class={mark}>{mark}</span>", escape(claim["claim"]),
                     escape(claim["seen"])])
    return table(["", "", ""], rows, words=(1, 2))


def _digits(report: dict[str, Any]) -> list[str]:
    digits, latency = report["digits"], report["latency"]
    gain, rest = digits["system_above_leaf_only"], digits["cloud_only_above_system"]
    volumes = [("system", "system", digits["upstream_bytes"]),
               ("cloud_only", "cloud alone", digits["cloud_only_bytes"])]
    maps = [plots.confusion(digits[way]["confusion"], WAYS[way], digits[way]["accuracy"])
            for way in ("leaf_only", "system", "cloud_only")]
    return [
        "<h2>How often the digits were read rightly</h2>",
        plots.accuracy(digits, WAYS, LEAST_ACCURACY),
        f"<p class=note>Paired on the same frames (McNemar, exact, two-sided): the system reads "
        f"{gain['gained']} frames rightly that the leaf alone does not, and misses "
        f"{gain['lost']} that it does, {chance(gain['p'])}. The cloud alone reads "
        f"{rest['gained']} more rightly and misses {rest['lost']}, {chance(rest['p'])}. "
        f"Intervals: Wilson. {CAVEAT}</p>",
        "<h2>Who answered</h2>", plots.shares(report["tiers"]), _tiers(report),
        _accepted(digits),
        "<h2>How long answers took</h2>",
        plots.histograms(latency, {way: WAYS[way] for way in ("leaf_only", "system",
                                                              "cloud_only")}),
        _times(latency),
        "<p class=note>The link to the cloud takes 100 ms each way.</p>",
        "<h2>Bytes out of the leaf's site</h2>", plots.volumes(volumes, MOST_BYTES),
        "<p class=note>Counted at the sockets, TLS and handshakes included, for the same frames."
        "</p>",
        "<h2>Which digits were mistaken for which</h2>",
        f"<div class=three>{''.join(maps)}</div>",
        "<p class=note>True digit down, answer across; frames of each pair.</p>"]


def _tiers(report: dict[str, Any]) -> str:
    rows = [[name, f"{tier['answers']:,}", percent(tier["share"]), ms(tier["p50_ms"]),
             ms(tier["p95_ms"]), ms(tier["p99_ms"])] for name, tier in report["tiers"].items()]
    return table(["tier", "answers", "share", "p50", "p95", "p99"], rows)


def _accepted(digits: dict[str, Any]) -> str:
    wrong, reasons = digits["wrong_among_accepted"], digits["degraded"]
    low, high = wrong["interval"]
    less = ", ".join(f"{count} because of {reason.replace('_', ' ')}"
                     for reason, count in reasons.items()) or "none"
    return (f"<p class=note>Of {wrong['accepted']} answers that the leaf accepted {wrong['wrong']} "
            f"are wrong: {percent(wrong['share'])} ({percent(low)} to {percent(high)}). Answers "
            f"that were less than the task wants, and said so: {less}.</p>")


def _times(latency: dict[str, Any]) -> str:
    rows = [[name, *(ms(latency[way][q]) for q in ("p50_ms", "p95_ms", "p99_ms"))]
            for way, name in WAYS.items()]
    return table(["", "p50", "p95", "p99"], rows)


def _others(report: dict[str, Any]) -> list[str]:
    sensor, refine = report["sensor"], report["refine"]
    above = sensor["system_above_leaf_only"]
    parts = ["<h2>A sensor's rows</h2>", table(
        ["a day's power demand: winter or summer?", "right", "accuracy", "95 % interval"],
        [[name, f"{one['right']}/{one['frames']}", percent(one["accuracy"]),
          f"{percent(one['interval'][0])} to {percent(one['interval'][1])}"] for name, one in
         (("leaf's first answer", sensor["leaf_only"]), ("last answer", sensor["system"]))]),
        f"<p class=note>The regional model answered {sensor['tiers']['regional']['answers']} rows "
        f"again: {above['gained']} gained, {above['lost']} lost, {chance(above['p'])}.</p>",
        "<h2>Refinement: an answer now, a better one later</h2>",
        f"<p>Of the {refine['frames']} digits that the leaf is least sure of, {refine['refined']} "
        f"got a second answer. The first came after {ms(refine['first']['p50_ms'])} at the median "
        f"and was right {refine['right_first']} times, the last after "
        f"{ms(refine['last']['p50_ms'])} and was right {refine['right_last']} times.</p>"]
    if "stills" in report:
        rows = [[escape(picture["picture"]), escape(str(picture["label"])),
                 escape(str(picture["tier"])), percent(picture["confidence"] or 0, 0),
                 ms(picture["latency_ms"]), "right" if picture["right"] else "wrong"]
                for picture in report["stills"]["pictures"]]
        parts += ["<h2>Stills</h2>", "<p class=note>EfficientNet-Lite0 in INT8 at the leaf, Lite1 "
                  "at the regional node, Lite2 in the cloud.</p>",
                  table(["picture", "answer", "tier", "confidence", "time", ""], rows, words=(1,))]
    return parts


def _outage(outage: dict[str, Any]) -> list[str]:
    rows = [["frames sent", f"{outage['frames']:,}"], ["answered", f"{outage['answered']:,}"],
            ["owed a better answer", f"{outage['owed']:,}"],
            ["settled later", f"{outage['settled']:,}"],
            ["given up, in gaps", f"{outage['gaps']:,}"],
            ["records at the region", f"{outage['records']:,}"]]
    return [
        "<h2>The uplink is cut</h2>",
        f"<p>For {outage['cut_seconds']:.0f} s nothing passes between the leaf and its region. The "
        "cameras go on, the leaf answers, and what it owes waits on its disk: a record of each "
        "frame, and the frames that it would have sent up. When the link is back they follow, "
        f"within {outage['caught_up_seconds']:.1f} s, and owed frames get their answer.</p>",
        plots.depths(outage), table(["", "frames"], rows),
        f"<p class=note>{outage['upstream_bytes']:,} bytes left the leaf's site meanwhile, "
        f"{percent(outage['bytes_ratio'])} of what these frames take to the cloud alone. They are "
        "not among the bytes above, which are of the frames that went each way.</p>"]


def _sizes(sizes: dict[str, Any]) -> str:
    rows = [[escape(name), f"{one['bytes']:,}", f"{one['fp32_bytes']:,}",
             percent(one["bytes"] / one["fp32_bytes"]), f"{one['bundle_bytes']:,}"]
            for name, one in sizes.items()]
    return table(["bundle", "model bytes", "in FP32", "ratio", "whole bundle"], rows)
