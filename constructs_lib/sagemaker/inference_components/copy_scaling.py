"""How the number of copies of an inference component follows its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problems, below, is_token

_TARGETS = ("invocations_per_copy", "concurrent_requests_per_copy")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyScaling:
    """Between which bounds the copies are counted, and which metric the count follows.

    Attributes
    ----------
    min
        Fewest copies. With 0, the first request that finds none fails and brings the first copy back, which takes some
        minutes; with ``managed_instance_scaling.min_instance_count`` 0 too, the instances go as well. Default: 1.
    max
        Most copies, at least 1 and at least ``min``.
    invocations_per_copy
        Target for ``SageMakerInferenceComponentInvocationsPerCopy``: invocations per copy and minute, more than 0.
        None: it is not followed.
    concurrent_requests_per_copy
        Target for ``SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution``: requests that one copy works
        on at one time, more than 0; it reacts within seconds, and suits requests that take long. None: it is not
        followed.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0. Default: 300.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0. Default: 300.
    disable_scale_in
        Whether these targets only ever add copies. Default: they remove them as well.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int
    invocations_per_copy: float | None = None
    concurrent_requests_per_copy: float | None = None
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300
    disable_scale_in: bool = False

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if below(self.min, 0):
            problems.add("min", f"must be at least 0, got {self.min}")
        if below(self.max, 1):
            problems.add("max", f"must be at least 1, got {self.max}")
        elif not is_token(self.min) and below(self.max, self.min):
            problems.add("max", f"must be at least 'min' ({self.min}), got {self.max}")
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if not given:
            problems.add(_TARGETS[0], f"is missing; give it or '{_TARGETS[1]}', which the number of copies follows")
        for name in given:
            target = getattr(self, name)
            if not is_token(target) and not 0 < target < inf:
                problems.add(name, f"must be a finite number above 0, got {target}")
        for cooldown in ("scale_in_cooldown", "scale_out_cooldown"):
            if below(getattr(self, cooldown), 0):
                problems.add(cooldown, f"must be at least 0 seconds, got {getattr(self, cooldown)}")
        if self.min == 0 and self.disable_scale_in:
            problems.add("disable_scale_in", "keeps the copies from ever going to 0, which 'min' allows; leave one out")
        problems.raise_any()
