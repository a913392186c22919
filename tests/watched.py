"""
Serve Steady in a process whose every way out is written down: `python -m tests.watched LOG CONFIG`.

An audit hook is set before anything of Steady is imported; it writes each connection, name look-up, datagram and child
process as one JSON line into LOG. The server runs on asyncio's own loop, whose calls the hook sees; uvloop's it does
not. The port is printed on the first line; the server ends when its standard input does.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

WATCHED = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
     "socket.gethostbyaddr", "urllib.Request", "http.client.connect", "subprocess.Popen", "os.system", "os.exec",
     "os.posix_spawn", "os.spawn", "ftplib.connect", "smtplib.connect"}
)  # fmt: skip


def watch(log: Path) -> None:
    """Write down every way out of this process, from now on."""
    stream = log.open("a", buffering=1)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in WATCHED:
            shown = (
                [str(arg) for arg in args[1:] if arg is not None] if event == "socket.connect" else list(map(str, args))
            )
            stream.write(json.dumps([event, shown]) + "\n")

    sys.addaudithook(hook)


def serve(config: str) -> None:
    """Serve until standard input ends."""
    import socket

    import uvicorn

    from steady.pipeline.runtime import Runtime
    from steady.server.app import App
    from steady.server.services import Services

    listening = socket.create_server(("127.0.0.1", 0))
    app = App(Services(Runtime.open(config)))
    server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", http="httptools", lifespan="on", log_level="warning"))

    def end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end, daemon=True).start()
    print(listening.getsockname()[1], flush=True)  # noqa: T201
    server.run(sockets=[listening])


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    serve(sys.argv[2])
