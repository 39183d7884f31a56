"""Pictures for each step, read while the network computes."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.data.pixels import unit_of
from engine.data.store import gather

SMALL = 128_000_000
"""Bytes. A set up to this size is stored on the device as uint8."""


class Prefetcher:
    """Pictures by index.

    A small set is stored on the device. Of a large one, which may be a file, a thread reads the pictures of the next step
    while the network computes this one.

    Args:
        images: uint8 (N, H, W, C).
        device: of the returned pictures.
        small: bytes up to which a set is small.
    """

    def __init__(self, images: npt.NDArray[np.uint8], device: torch.device, small: int = SMALL) -> None:
        self._device, self._stored = device, images
        self._all = torch.from_numpy(np.array(images)).to(device) if images.nbytes <= small else None
        self._reader = ThreadPoolExecutor(1, "pictures")
        self._ahead: tuple[Tensor, Future[Tensor]] | None = None
        self.waited = 0.0
        """Seconds that the caller has waited for pictures."""

    def __len__(self) -> int:
        return len(self._stored)

    def take(self, chosen: Tensor, then: Tensor) -> Tensor:
        """Pictures in [−1, 1], float32 (B, C, H, W), on the device.

        Args:
            chosen: indices, int64 (B,).
            then: the indices of the next call, to be read ahead.
        """
        began = time.perf_counter()
        if self._all is not None:
            levels = self._all[chosen.to(self._device)]
        else:
            expected = self._ahead is not None and torch.equal(self._ahead[0], chosen)
            levels = self._ahead[1].result() if self._ahead is not None and expected else self._read(chosen)
            self._ahead = (then, self._reader.submit(self._read, then))
            levels = levels.to(self._device, non_blocking=True)
        self.waited += time.perf_counter() - began
        return unit_of(levels)

    def _read(self, chosen: Tensor) -> Tensor:
        # Read in the order of the disk, returned in the order of `chosen`.
        order = torch.argsort(chosen)
        levels = torch.empty(len(chosen), *self._stored.shape[1:], dtype=torch.uint8)
        levels[order] = torch.from_numpy(gather(self._stored, chosen[order].numpy()))
        return levels.pin_memory() if self._device.type == "cuda" else levels

    def close(self) -> None:
        """Stop reading ahead."""
        self._reader.shutdown(wait=False, cancel_futures=True)
