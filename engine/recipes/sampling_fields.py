"""The settings of sampling that are checked alike wherever they appear: in recipes, in measurements, on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from engine.samplers import SAMPLERS
from engine.schedule import SPACINGS


def one_of(names: Iterable[str], what: str) -> AfterValidator:
    """A check that a name is in a registry, looked at when the check is made, so that what is added later counts too."""

    def check(name: str) -> str:
        known = list(names)
        if name not in known:
            raise PydanticCustomError("unknown", f"there is no {what} “{name[:40]}”, but {', '.join(known)}")
        return name

    return AfterValidator(check)


SamplerName = Annotated[str, one_of(SAMPLERS, "sampler")]
SpacingName = Annotated[str, one_of(SPACINGS, "spacing"), Field(description="Where on the schedule the steps lie.")]
Steps = Annotated[int, Field(ge=1, le=1000)]
Eta = Annotated[float, Field(ge=0, le=1, description="Of DDIM: share of DDPM's noise that is added again.")]
