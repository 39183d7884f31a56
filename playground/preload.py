"""Loads torch and the default model behind the first paint, once for the whole process."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib.util
import os
import threading
import time
import traceback
import weakref
from pathlib import Path

PAINT_FIRST = 0.3
"""Seconds: importing at once would fight the first page for the interpreter's lock."""

_lock = threading.Lock()
_ready: threading.Event | None = None


def start(after: float = PAINT_FIRST) -> threading.Event:
    """Begin loading in the background, if that has not begun; the event is set when the engine can be used without a wait.

    Args:
        after: seconds to leave the interpreter to a page.
    """
    global _ready
    with _lock:
        if _ready is None:
            _ready = threading.Event()
            # Finalizers that torch makes meanwhile run at the end too, after the wait: what is registered first runs last.
            weakref.finalize(_ready, bool)
            atexit.register(_ready.wait, 60)  # a thread that is inside torch when Python ends would abort the program
            threading.Thread(target=_load, args=(_ready, after), name="warm-up", daemon=True).start()
        return _ready


def wait() -> None:
    """Return when the engine can be used without a wait."""
    start().wait(timeout=60)


def _map_torch() -> None:
    """Bring torch's libraries into memory. Where `import` does that, it holds the interpreter's lock for half a second."""
    found = importlib.util.find_spec("torch")
    if found is not None and found.origin is not None and os.name == "posix":
        for library in (Path(found.origin).parent / "lib").glob("libtorch_python.*"):
            ctypes.CDLL(None).dlopen(
                os.fsencode(library), os.RTLD_NOW
            )  # a call of a foreign function releases the lock


def _load(ready: threading.Event, after: float) -> None:
    _map_torch()
    time.sleep(after)
    # Threads that wait by spinning would starve each other where training and sampling run side by side.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import plotly.graph_objects  # noqa: F401

        import engine.ideal
        import engine.sampling  # noqa: F401
        from engine import registry
        from engine.recipes.sampling_fields import SamplingFields
        from engine.runtime import allocator, torch_threads

        registry.open_model(SamplingFields.model_fields["model"].default)
        allocator.keep_freed_memory()
        torch_threads.reserve_one()  # the interface must stay quick while a network trains
        # What is loaded now stays for good: without this, every collection walks through all of torch (0.3 s).
        gc.collect()
        gc.freeze()
        atexit.register(gc.unfreeze)  # or libraries complain at the end that their objects were never collected
    except Exception:
        traceback.print_exc()
    finally:
        ready.set()
