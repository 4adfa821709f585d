"""The frames: labelled meter digits, sensor rows, and stills. Rendered once, kept in .cache."""

from __future__ import annotations

import csv
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from machine import CACHE, ROOT, STILL_BUNDLES, Trouble

MODELS = ROOT / "Tools" / "models"
FRAMES = CACHE / "frames"
ROWS = CACHE / "power-demand.csv"
STILLS = CACHE / "stills"


def digits() -> dict[str, str]:
    """True labels of the test frames in `FRAMES`, by file name in the order of sending."""
    stamp, key = FRAMES / "stamp", _key("frames.py", "frames.json")
    if not stamp.is_file() or stamp.read_text() != key:
        shutil.rmtree(FRAMES, ignore_errors=True)
        _run("frames.py", FRAMES)
        stamp.write_text(key)
    with (FRAMES / "labels.csv").open(encoding="ascii", newline="") as file:
        return {row["file"]: row["label"] for row in csv.DictReader(file)}


def rows() -> dict[str, str]:
    """True labels of the sensor rows in `ROWS`, by `FILE:LINE` as canopy names them."""
    _run("series.py", ROWS)
    lines = ROWS.read_text(encoding="ascii").splitlines()
    return {f"{ROWS.name}:{n}": line.rsplit(",", 1)[1] for n, line in enumerate(lines, 1)}


def has_stills() -> bool:
    """Whether the EfficientNet-Lite bundles and the packages with the stills are there."""
    names = ("leaf", "lite1", "lite2")
    return (ROOT / ".venv" / ".stills").is_file() and all(
        (STILL_BUNDLES / f"imagenet-{name}" / "index.json").is_file() for name in names)


def stills() -> dict[str, list[str]]:
    """Copies scikit-image's known stills to `STILLS`; the labels that are right for each."""
    sys.path.insert(0, str(MODELS))
    import imagenet_frames
    import make_imagenet

    names = make_imagenet.label_names()
    STILLS.mkdir(parents=True, exist_ok=True)
    for name in imagenet_frames.KNOWN:
        image = imagenet_frames.still(name)
        image.save(STILLS / f"{Path(name).stem}.png")
    return {f"{Path(name).stem}.png": [names[number] for number in numbers]
            for name, numbers in imagenet_frames.KNOWN.items()}


def hardest(names: list[str]) -> Path:
    """A folder with some of the frames only."""
    folder = CACHE / "hardest"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        shutil.copy(FRAMES / name, folder / name)
    return folder


def _key(*names: str) -> str:
    return hashlib.sha256(b"".join((MODELS / name).read_bytes() for name in names)).hexdigest()


def _run(script: str, out: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MODELS / script), "--split", "test", "--out", str(out)],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"Tools/models/{script}: {done.stdout}{done.stderr}")
