"""The fields that Triton knows in a ``config.pbtxt``: with any other, it does not read the file at all.

Source: triton-inference-server/common, protobuf/model_config.proto (``ModelConfig``, ``ModelInput``, ``ModelOutput``).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from constructs_lib.serving.text_proto import Message

_MAX_BATCH_SIZE = 2**31 - 1

_TABLE = """
once: name platform backend runtime version_policy max_batch_size optimization dynamic_batching sequence_batching
 ensemble_scheduling default_model_filename model_operations model_transaction_policy model_repository_agents
 response_cache model_metrics
often: input output batch_input batch_output instance_group cc_model_filenames metric_tags parameters model_warmup
input: name data_type format dims reshape is_shape_tensor allow_ragged_batch optional is_non_linear_format_io
output: name data_type dims reshape label_filename is_shape_tensor is_non_linear_format_io
"""
_LINES = (line.partition(":") for line in _TABLE.strip().replace("\n ", " ").splitlines())
FIELDS = {kind: frozenset(names.split()) for kind, _, names in _LINES}
"""What a model has once (``once``) and several times (``often``), and what its inputs and outputs have."""


def field_problems(config: Message) -> Iterator[str]:
    """Say why Triton could not read a configuration, whatever the model is."""
    yield from _unknown("", config, FIELDS["once"] | FIELDS["often"])
    for field in sorted(FIELDS["once"] & set(config)):
        if len(config[field]) > 1:
            yield f"has the field '{field}' {len(config[field])} times; give it once"
    for kind in ("input", "output"):
        for each in config.get(kind, []):
            if isinstance(each, dict):
                yield from _unknown(f" in '{kind}'", each, FIELDS[kind])
    for name in config.get("name", []):
        if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
            yield f"has the name '{name}', which is no directory's; give another, or leave it out"
    for size in config.get("max_batch_size", []):
        if isinstance(size, int) and not 0 <= size <= _MAX_BATCH_SIZE:
            yield f"has the max_batch_size {size}; give 0 to {_MAX_BATCH_SIZE}"


def _unknown(where: str, message: Message, known: frozenset[str]) -> Iterator[str]:
    for field in message:
        if field not in known:
            near = get_close_matches(field, sorted(known), n=1)
            hint = f"did you mean '{near[0]}'?" if near else "leave it out"
            yield f"has the field '{field}'{where}, which Triton does not know; {hint}"
