"""The report as text for the terminal, and how to call the nodes that were left up."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

from data import FRAMES
from machine import ROOT
from nodes import CERTIFICATES, PLAIN, RELAY
from proof import chance, percent
from report import CAVEAT

WAYS = {"leaf_only": "leaf alone", "system": "system", "regional_only": "regional alone",
        "cloud_only": "cloud alone"}


def text(report: dict[str, Any]) -> str:
    """The whole report."""
    blocks = [_accuracy(report), _tiers(report), _bytes(report), _confusions(report["digits"]),
              _others(report), _outage(report["outage"]), _sizes(report["sizes"]),
              _claims(report), _about(report)]
    return "\n" + "\n\n".join(blocks) + "\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(cells, widths)))

    return "\n".join(f"  {line(row)}" for row in [head, *rows])


def title(words: str) -> str:
    return f"\033[1m{words}\033[0m\n" if sys.stdout.isatty() else f"{words}\n"


def ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms"


def _accuracy(report: dict[str, Any]) -> str:
    digits, latency = report["digits"], report["latency"]
    rows = []
    for way, name in WAYS.items():
        one, time = digits[way], latency[way]
        low, high = one["interval"]
        rows.append([name, f"{one['right']}/{one['frames']}", percent(one['accuracy']),
                     f"{percent(low)} to {percent(high)}", ms(time["p50_ms"]), ms(time["p95_ms"]),
                     ms(time["p99_ms"])])
    gain, rest = digits["system_above_leaf_only"], digits["cloud_only_above_system"]
    return (title("Meter digits, the same frames each way")
            + table(["", "right", "accuracy", "95 % interval", "p50", "p95", "p99"], rows)
            + f"\n  system against leaf alone: {gain['gained']} gained, {gain['lost']} lost, "
              f"McNemar {chance(gain['p'])}"
            + f"\n  cloud alone against system: {rest['gained']} gained, {rest['lost']} lost, "
              f"{chance(rest['p'])}\n" + textwrap.indent(textwrap.fill(CAVEAT, 88), "  "))


def _tiers(report: dict[str, Any]) -> str:
    rows = [[name, str(tier["answers"]), percent(tier["share"]), ms(tier["p50_ms"]),
             ms(tier["p95_ms"]), ms(tier["p99_ms"])] for name, tier in report["tiers"].items()]
    digits = report["digits"]
    wrong, reasons = digits["wrong_among_accepted"], digits["degraded"]
    less = ", ".join(f"{count} × {reason}" for reason, count in reasons.items()) or "none"
    return (title("Who answered in the system")
            + table(["tier", "answers", "share", "p50", "p95", "p99"], rows)
            + f"\n  of {wrong['accepted']} answers that the leaf accepted {wrong['wrong']} are "
              f"wrong ({percent(wrong['share'])}); degraded: {less}")


def _bytes(report: dict[str, Any]) -> str:
    digits = report["digits"]
    rows = [["system", f"{digits['upstream_bytes']:,}", percent(digits['bytes_ratio'])],
            ["cloud alone", f"{digits['cloud_only_bytes']:,}", percent(1)]]
    return (title("Bytes out of the leaf's site, TLS and handshakes included")
            + table(["", "bytes", "share"], rows))


def _confusions(digits: dict[str, Any]) -> str:
    """Three matrices side by side: rows are true digits, columns answers."""
    names = ("leaf_only", "system", "cloud_only")
    head = "  " + "".join(f"{WAYS[name]:<37}" for name in names).rstrip()
    columns = "  " + "".join(f"     {'  '.join('0123456789'):<32}" for _ in names).rstrip()
    lines = [head, columns]
    for row in range(10):
        cells = []
        for name in names:
            values = digits[name]["confusion"][row]
            cells.append(f"{row} " + "".join(f"{value or '·':>3}" for value in values) + "     ")
        lines.append("  " + "".join(cells).rstrip())
    return title("Confusion: true digit down, answer across") + "\n".join(lines)


def _others(report: dict[str, Any]) -> str:
    sensor, refine = report["sensor"], report["refine"]
    tiers = ", ".join(f"{name} {tier['answers']}" for name, tier in sensor["tiers"].items()
                      if tier["answers"])
    lines = [
        title("Sensor rows and refinements").rstrip("\n"),
        f"  power demand: leaf {percent(sensor['leaf_only']['accuracy'])}, with refinement "
        f"{percent(sensor['system']['accuracy'])} of {sensor['rows']} rows, "
        f"{chance(sensor['system_above_leaf_only']['p'])} ({tiers})",
        f"  refine mode: {refine['refined']} of {refine['frames']} hard digits got a second "
        f"answer; right at first {refine['right_first']}, at last {refine['right_last']}; "
        f"first answer p50 {ms(refine['first']['p50_ms'])}, last {ms(refine['last']['p50_ms'])}"]
    if "stills" in report:
        rows = [[picture["picture"], str(picture["label"]), str(picture["tier"]),
                 percent(picture["confidence"] or 0, 0),
                 "right" if picture["right"] else "wrong"]
                for picture in report["stills"]["pictures"]]
        lines += ["", title("Stills, by EfficientNet-Lite").rstrip("\n"),
                  table(["picture", "answer", "tier", "confidence", ""], rows)]
    return "\n".join(lines)


def _outage(outage: dict[str, Any]) -> str:
    deepest = outage["deepest"]
    return "\n".join([
        title(f"The uplink is cut for {outage['cut_seconds']:.0f} s").rstrip("\n"),
        f"  {outage['frames']:,} frames sent, {outage['answered']:,} answered; "
        f"{outage['owed']} owed a better answer, {outage['settled']} settled, "
        f"{outage['gaps']} in gaps",
        f"  at most {deepest['results']:,} results and {deepest['frames']} frames waited; caught "
        f"up {outage['caught_up_seconds']:.1f} s after the link was back",
        f"  the region has {outage['records']:,} records of them; "
        f"{outage['upstream_bytes']:,} bytes up, {percent(outage['bytes_ratio'])} of what the "
        "cloud alone would take (not among the bytes above)"])


def _sizes(sizes: dict[str, Any]) -> str:
    rows = [[name, f"{one['bytes']:,}", f"{one['fp32_bytes']:,}",
             percent(one["bytes"] / one["fp32_bytes"]), f"{one['bundle_bytes']:,}"]
            for name, one in sizes.items()]
    return title("Models") + table(
        ["bundle", "model bytes", "in FP32", "ratio", "whole bundle"], rows)


def _claims(report: dict[str, Any]) -> str:
    colours = sys.stdout.isatty()
    lines = []
    for claim in report["claims"]:
        mark = "pass" if claim["holds"] else "FAIL"
        if colours:
            mark = f"\033[{32 if claim['holds'] else 31}m{mark}\033[0m"
        lines.append(f"  {mark}  {claim['claim']}: {claim['seen']}")
    return title("Claims") + "\n".join(lines)


def _about(report: dict[str, Any]) -> str:
    about = report["about"]
    return (f"  commit {about['commit']}, canopy {about['canopy']}, OpenVINO {about['openvino']}, "
            f"{about['cores']} cores of {about['cpu']}; {report['seconds']:.0f} s")


def calls(topology: Path) -> str:
    """Addresses of the nodes and calls to try."""
    frame = next(iter(sorted(FRAMES.glob("*.jpg"))), FRAMES / "0000.jpg")
    canopy = ROOT / ".build" / "release" / "canopy"
    series = ",".join("0" for _ in range(24))
    return f"""\
The nodes stay up; Ctrl-C ends them.
  leaf    127.0.0.1:8443 (TLS, certificate), {PLAIN} (plain, open)
  region  127.0.0.1:8444 (TLS, certificate)
  cloud   127.0.0.1:8445 (TLS, certificate), 127.0.0.1:{RELAY} through the slow link
  topology      {topology}
  certificates  {CERTIFICATES}

curl:
  curl -s http://{PLAIN}/metrics
  curl -s http://{PLAIN}/v2/models/meter-digits
  curl -s http://{PLAIN}/v2/models/power-demand/infer -d \\
    '{{"inputs":[{{"name":"series","shape":[1,1,24],"datatype":"FP32","data":[{series}]}}]}}'
  cd {CERTIFICATES} && curl -s --cacert ca.pem --cert camera.pem --key camera.key \\
    https://127.0.0.1:8443/v2/models/meter-digits

tritonclient ({ROOT}/.venv/bin/python):
  import numpy, tritonclient.grpc as triton
  leaf = triton.InferenceServerClient("{PLAIN}")
  image = triton.InferInput("image", [1], "BYTES")
  jpeg = open("{frame}", "rb").read()
  image.set_data_from_numpy(numpy.array([jpeg], dtype=object))
  answer = leaf.infer("meter-digits", [image])
  print(answer.as_numpy("label")[0], answer.get_response().parameters["canopy.tier"])

canopy:
  {canopy} send --task meter-digits --image {FRAMES} \\
    --topology {topology} --node leaf --as camera --streams 4 --rate 30
"""
