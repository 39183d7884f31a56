"""Which pictures are held out of a set that does not say so itself: a tenth of each class, whatever order they come in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SHARE = 0.1
MOST = 1000


def chosen(keys: Sequence[str], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """True where a picture is held out, bool (N,).

    A tenth of all, at most `MOST`, shared out among the classes by their size; never the only picture of a class. Within a
    class those are taken whose key has the smallest SHA-256: the same pictures whatever the order, on every machine.

    Args:
        keys: what each picture is called in its source, (N,).
        labels: its class, or −1.
    """
    count = len(keys)
    held = np.zeros(count, dtype=bool)
    if not count:
        return held
    classes, sizes = np.unique(labels, return_counts=True)
    exact_quota = sizes * min(SHARE, MOST / count)
    quota = np.floor(exact_quota).astype(int)
    # What rounding down has left over goes to the classes that it took most from.
    left = round(float(exact_quota.sum())) - int(quota.sum())
    quota[np.argsort(quota - exact_quota, kind="stable")[:left]] += 1
    quota = np.minimum(quota, sizes - 1)
    digests = [hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest() for key in keys]
    for label, most in zip(classes, quota, strict=True):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=lambda k: digests[k])
        held[members[:most]] = True
    return held
