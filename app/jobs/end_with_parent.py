"""Loaded first by a server of forks: it then ends with the worker that started it, even in the middle of loading.

Only the server itself: what it forks watches the worker on its own (`child`).
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1

ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == 1 and os.getpid() != 1:  # it died before that
    raise SystemExit
