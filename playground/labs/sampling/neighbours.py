"""The training images nearest to a sample: whether a model has memorized its training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.labs.sampling.job import Images

if TYPE_CHECKING:
    from engine.models.opened import Model


def nearest_training_images(model: Model, image: Images, k: int = 5) -> list[tuple[Images, str, float]]:
    """The k training images nearest to one image: (image, its class, root mean square distance on the scale 0 … 255).

    Args:
        model: whose training images to search; the result is empty where they are unknown or too many.
        image: uint8, shape (H, W, C).
    """
    import torch

    from engine.data import catalogue
    from engine.data.image_set import DataError
    from engine.data.prepared import MOST_NUMBERS
    from engine.data.sizes import sized
    from engine.evaluation.metrics import nearest_neighbours

    if not model.data:
        return []
    try:
        whole = catalogue.load(model.data)
        data = sized(whole, len(image), upsampling=True).training
    except DataError:  # they were prepared elsewhere, or are no longer here
        return []
    if data.images.size > MOST_NUMBERS or data.images.shape[1:] != image.shape:
        return []
    distances, numbers = nearest_neighbours(torch.tensor(image[None]), torch.tensor(data.images), k)
    per_pixel = (distances[0] / image.size**0.5).tolist()
    return [
        (data.images[i], data.class_names[data.labels[i]] if data.class_names else "", distance)
        for i, distance in zip(numbers[0].tolist(), per_pixel, strict=True)
    ]
