"""Reuse of freed memory: glibc's malloc keeps what one forward of a network has freed for the next.

Each forward allocates and frees some hundred megabytes, in pieces of a few. glibc gives pieces of that size back to the
system, which hands them out again page by page, each emptied first: 6,000 page faults for a batch of 32 digits, a tenth of its
time (`python -m benchmarks sampling --only allocator`). Kept they cost nothing, and the process is no larger at its largest.
"""

from __future__ import annotations

import ctypes
import gc
import os

MMAP_THRESHOLD, TRIM_THRESHOLD = 32 << 20, 256 << 20
"""Bytes: larger blocks are mapped from the system and unmapped when freed; of others up to TRIM_THRESHOLD stays free in the
heap."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let this process keep freed memory; whether it does from now on.

    For programs, not for libraries, since it changes the whole process. Without glibc, or where the environment configures the
    allocator already, it changes nothing.
    """
    if any(name.startswith("MALLOC_") or name in ("GLIBC_TUNABLES", "LD_PRELOAD") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another libc, another system
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD))


def release_freed_memory() -> bool:
    """Return free memory to the system, when the program is idle; whether any was returned.

    Reference cycles are collected first: Python does so by itself only when there are many, and an idle program makes none.
    """
    gc.collect()
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError, TypeError):
        return False
