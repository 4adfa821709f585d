"""Our relay as a context: a TCP link that tests cut, stall, blacken and heal."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

from fleet import free_port, program


class Relay:
    """Listens on `port` from `start` on; ends with its context."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.control = folder / "relay.sock"
        self.process: subprocess.Popen | None = None

    def start(self, target: int, *options: str, host: str = "127.0.0.1",
              within: list[str] | None = None) -> None:
        line = [*(within or []), program("relay"), "--listen", f"{host}:{self.port}",
                "--to", f"127.0.0.1:{target}", "--control", self.control, *options]
        self.process = subprocess.Popen(
            [str(word) for word in line], stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        assert said["port"] == self.port

    def say(self, command: str) -> dict:
        """One command to the relay, and its answer."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(10)
            channel.connect(str(self.control))
            channel.sendall(command.encode() + b"\n")
            answer = json.loads(channel.makefile().readline())
        assert answer.get("ok", True), answer
        return answer

    def stats(self) -> dict:
        return self.say("stats")

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process.stdout.close()
