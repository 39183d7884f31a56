"""Records the trajectory of the first screen: python assets/make_first_screen.py

Ten digits, DDIM, 50 steps, scale 2, with the network that ships: the default of the Sampling lab but for the number of images.
"""

from pathlib import Path

import numpy as np

from engine.recipes.recipe import Recipe
from playground.labs.sampling.job import images_of

OUT = Path(__file__).parent / "first_screen" / "digits.npz"


def main() -> None:
    recipe = Recipe(model="digits", labels=tuple(range(10)), seeds=tuple(range(10)))
    frames = [images_of(frame) for frame in recipe.frames()]
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        OUT,
        recipe=recipe.model_dump_json(),
        steps=np.array([images.step for images in frames]),
        t=np.array([images.t for images in frames]),
        **{name: np.stack([getattr(images, name) for images in frames]) for name in ("x", "x0", "noise")},
    )
    print(f"{OUT.name}: {len(frames)} frames, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
