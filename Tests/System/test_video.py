"""`canopy send --video`: a file and a camera's RTSP address, through the ffmpeg program."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import topologies
from fleet import eventually, free_port

PICTURE = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=20", "-pix_fmt", "yuv420p",
           "-c:v", "libx264", "-preset", "ultrafast", "-g", "10"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with topologies.make(tmp_path_factory.mktemp("video"), ("leaf",), topologies.digits) as fleet:
        fleet.start()
        yield fleet


def sent(fleet, address: object, frames: int) -> list[dict]:
    """What `canopy send` says of each frame of a video."""
    done = fleet.canopy(
        "send", "--to", f"127.0.0.1:{fleet['leaf'].plain}", "--plain", "--task", "meter-digits",
        "--timeout", 20_000, "--video", address, "--limit", frames, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in rows if row.get("tier")]


def test_each_frame_of_a_video_file_is_answered(fleet, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    subprocess.run(["ffmpeg", "-loglevel", "error", *PICTURE, "-t", "2", file], check=True)
    rows = sent(fleet, file, 100)
    assert len(rows) == 20
    assert {row["tier"] for row in rows} == {"leaf"}


def test_a_file_that_is_no_video_is_refused_in_words(fleet, tmp_path: Path) -> None:
    file = tmp_path / "notes.mp4"
    file.write_text("no video")
    done = fleet.canopy(
        "send", "--to", f"127.0.0.1:{fleet['leaf'].plain}", "--plain", "--task", "meter-digits",
        "--video", file, check=False)
    assert done.returncode != 0
    assert "ffmpeg" in done.stderr and "notes.mp4" in done.stderr


@contextmanager
def camera():
    """An RTSP server of another maker, to which ffmpeg sends a picture: gives its address."""
    viewers, source = free_port(), free_port()
    server = subprocess.Popen(
        ["rtsp-server-perl", "-c", str(viewers), "-s", str(source), "-l", "0",
         "--client_listen_address", "127.0.0.1", "--source_listen_address", "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = [server]
    try:
        for port in (viewers, source):
            eventually(lambda port=port: _listens(port), f"something listens on {port}")
        started.append(subprocess.Popen(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", *PICTURE, "-tune", "zerolatency",
             "-f", "rtsp", f"rtsp://127.0.0.1:{source}/gate"]))
        yield f"rtsp://127.0.0.1:{viewers}/gate"
    finally:
        for process in reversed(started):
            process.kill()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(
    shutil.which("rtsp-server-perl") is None,
    reason="not run: no RTSP server here; apt-get install rtsp-server-perl brings one")
def test_frames_of_a_camera_are_answered_over_rtsp(fleet) -> None:
    with camera() as address:
        def watched():
            # The camera is there once its first picture has come.
            done = subprocess.run(
                ["ffprobe", "-loglevel", "error", "-rw_timeout", "2000000", address],
                capture_output=True, timeout=10)
            return done.returncode == 0

        eventually(watched, "the camera shows a picture")
        rows = sent(fleet, address, 10)
    assert len(rows) == 10
    assert {row["tier"] for row in rows} == {"leaf"}
