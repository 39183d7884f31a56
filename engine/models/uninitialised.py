"""Networks whose weights nobody has drawn, to count their parameters or to fill them from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode


@contextmanager
def uninitialised(device: str = "meta") -> Iterator[None]:
    """A context in which networks are made and nothing initialises their weights.

    Args:
        device: "meta" for the shapes alone, without memory; "cpu" to fill them from a file.

    Torch would initialise on "meta" as well, for nothing: `normal_` is written in Python there, and imports torch's compiler
    at its first call (900 modules, seconds).
    """
    with torch.device(device), _WithoutInit():
        yield


class _WithoutInit(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.Tensor.normal_ or getattr(func, "__module__", "") == init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
