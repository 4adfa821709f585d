"""Where things lie, which programs run, and what machine they run on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "demo"
BUNDLES = ROOT / "Topology" / "models"
STILL_BUNDLES = ROOT / ".cache" / "models" / "bundles"


class Trouble(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    print(f"\033[1m▸ {text}\033[0m" if sys.stdout.isatty() else f"▸ {text}", flush=True)


def program(name: str) -> Path:
    """A built program: of the release build unless `CANOPY_BUILD` names another folder."""
    folder = Path(os.environ.get("CANOPY_BUILD", ROOT / ".build" / "release"))
    path = folder / name
    if not path.is_file():
        raise Trouble(f"{path} is not built: run Tools/setup --release")
    return path


def canopy(*words: object) -> str:
    """Runs a command to its end and gives what it printed."""
    line = [str(program("canopy")), *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(line)}\n{done.stdout}{done.stderr}")
    return done.stdout


def about() -> dict[str, Any]:
    """Commit, versions and machine that the figures belong to."""
    import numpy
    import openvino

    return {
        "commit": _commit(), "canopy": canopy("--version").strip(),
        "openvino": openvino.__version__, "python": platform.python_version(),
        "numpy": numpy.__version__, "cpu": _processor(), "cores": os.cpu_count(),
        "kernel": platform.release(), "build": program("canopy").parent.name}


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
        return done.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    return commit + ("+" if git("status", "--porcelain", "-uno") else "")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def bundle_id(folder: Path) -> str:
    """The digest of a bundle's manifest."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return index["manifests"][0]["digest"]


def bundle_sizes(folder: Path) -> dict[str, int]:
    """`bytes` of the model as it is served, `fp32_bytes` of the same network in FP32, and
    `bundle_bytes` of all that the bundle holds."""
    def blob(digest: str) -> bytes:
        return (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    manifest = json.loads(blob(bundle_id(folder)))
    for layer in manifest["layers"]:
        if layer["annotations"]["org.cncf.model.filepath"] == "evaluation.json":
            sizes = json.loads(blob(layer["digest"]))["sizes"]
            whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            return {"bytes": sizes["bytes"], "fp32_bytes": sizes["fp32_bytes"],
                    "bundle_bytes": whole}
    raise Trouble(f"{folder} has no evaluation.json")
