"""Runs the web process or a worker again and again: loaded once, forked for each life, so that killing it is cheap.

    python -m tests.prefork web|worker PORT

Prints the number of each process that it forks; ends when one ends by itself.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1


def main(what: str, port: int) -> None:
    # Here, for the children of a worker load this file too.
    import ctypes

    import uvicorn

    from app.config import settings
    from app.jobs.worker import run_worker
    from app.main import create_app

    listener = socket.create_server(("127.0.0.1", port)) if what == "web" else None
    while True:
        number = os.fork()
        if number == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if listener is None:
                run_worker(settings())
            else:
                app = create_app(settings())
                uvicorn.run(app, fd=listener.fileno(), log_config=None, access_log=False)
            os._exit(0)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        _, status = os.waitpid(number, 0)
        if not os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
