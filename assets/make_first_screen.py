"""Records the trajectory of the first screen: python assets/make_first_screen.py

Ten digits, DDIM, 50 steps, scale 2, with the network that ships: the default of the Sampling lab but for the number of images.
"""

from pathlib import Path

import numpy as np

from engine.recipes.recipe import Recipe
from playground.labs.sampling.job import shot_of

OUT = Path(__file__).parent / "first_screen" / "digits.npz"


def main() -> None:
    recipe = Recipe(model="digits", labels=tuple(range(10)), seeds=tuple(range(10)))
    shots = [shot_of(frame) for frame in recipe.frames()]
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        OUT,
        recipe=recipe.model_dump_json(),
        steps=np.array([shot.step for shot in shots]),
        t=np.array([shot.t for shot in shots]),
        **{name: np.stack([getattr(shot, name) for shot in shots]) for name in ("x", "x0", "noise")},
    )
    print(f"{OUT.name}: {len(shots)} frames, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
