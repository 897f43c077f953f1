"""A program of its own, for where bubblewrap cannot be used: gives up what it may do, then becomes another program.

python -I -S closed_start.py USER PROGRAM [ARGUMENT…]

USER is the number of the account to become, or -1. The program can gain no privileges, open no socket of any kind, and
ends with the thread that started it. Fails, and starts nothing, where the system does not permit that.
Sources: prctl(2), seccomp(2), linux/audit.h, linux/filter.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 13  # the latter with EACCES
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
IO_URING_SETUP = 425  # it would open sockets without the call for it
X32 = 0x40000000  # the same calls once more, by other numbers
# AUDIT_ARCH_… and the number of socket(2)
KNOWN = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}


def no_sockets(architecture: int, socket: int) -> bytes:
    """An array of struct sock_filter. Calls by the rules of another architecture are refused altogether."""
    steps = (
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_AT_LEAST, 3, 0, X32),
        (JUMP_IF_EQUAL, 2, 0, socket),
        (JUMP_IF_EQUAL, 1, 0, IO_URING_SETUP),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    )
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def close(program: bytes) -> None:
    """For this process and all that it starts. Raises OSError."""
    steps = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(filters))


def _prctl(what: int, *values: int | ctypes.c_char_p) -> None:
    words = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in values]
    if ctypes.CDLL(None, use_errno=True).prctl(what, *words, *[ctypes.c_ulong(0)] * (4 - len(words))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({what})")


def main(user: int, argv: list[str]) -> None:
    program = no_sockets(*KNOWN[platform.machine()])
    if user >= 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of the account clears it
    close(program)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
