"""Triton's ``config.pbtxt``, read by protobuf's own parser with the fields that Triton knows.

The fields are those of ``ModelConfig`` in triton-inference-server/common, protobuf/model_config.proto; their numbers
are left out, as the text form has none.
"""

import functools
import itertools
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

# Each line is a message: its fields by their types. '*' is a repeated one, and a map is one of pairs.
_MESSAGES = """
ModelConfig: name,platform,backend,runtime,default_model_filename=string version_policy=VersionPolicy
 max_batch_size=int32 input=*Input output=*Output batch_input=*BatchInput batch_output=*BatchOutput
 optimization=Optimization dynamic_batching=DynamicBatching sequence_batching=SequenceBatching
 ensemble_scheduling=Ensembling instance_group=*InstanceGroup cc_model_filenames,metric_tags=*Strings
 parameters=*Parameters model_warmup=*Warmup model_operations=Operations model_transaction_policy=Transactions
 model_repository_agents=Agents response_cache=Switch model_metrics=Metrics
Strings: key,value=string
Parameters: key=string value=Parameter
Parameter: string_value=string
Reshape: shape=*int64
Input: name=string data_type=DataType format=Format dims=*int64 reshape=Reshape
 is_shape_tensor,allow_ragged_batch,optional,is_non_linear_format_io=bool
Output: name,label_filename=string data_type=DataType dims=*int64 reshape=Reshape
 is_shape_tensor,is_non_linear_format_io=bool
BatchInput: kind=BatchInputKind target_name,source_input=*string data_type=DataType
BatchOutput: kind=BatchOutputKind target_name,source_input=*string
VersionPolicy: latest=Latest all=All specific=Specific
Latest: num_versions=uint32
All:
Specific: versions=*int64
Optimization: graph=Graph priority=Priority cuda=Cuda execution_accelerators=Accelerators
 input_pinned_memory,output_pinned_memory=Switch gather_kernel_buffer_threshold=uint32 eager_batching=bool
Graph: level=int32
Cuda: graphs,busy_wait_events,output_copy_stream=bool graph_spec=*GraphSpec
GraphSpec: batch_size=int32 input=*Shapes graph_lower_bound=LowerBound
LowerBound: batch_size=int32 input=*Shapes
Shapes: key=string value=Shape
Shape: dim=*int64
Accelerators: gpu_execution_accelerator,cpu_execution_accelerator=*Named
Named: name=string parameters=*Strings
Switch: enable=bool
QueuePolicy: timeout_action=TimeoutAction default_timeout_microseconds=uint64 allow_timeout_override=bool
 max_queue_size=uint32
QueuePolicies: key=uint64 value=QueuePolicy
DynamicBatching: preferred_batch_size=*int32 max_queue_delay_microseconds,priority_levels,default_priority_level=uint64
 preserve_ordering=bool default_queue_policy=QueuePolicy priority_queue_policy=*QueuePolicies
SequenceBatching: direct=Direct oldest=Oldest max_sequence_idle_microseconds=uint64 control_input=*ControlInput
 state=*State iterative_sequence=bool
Direct: max_queue_delay_microseconds=uint64 minimum_slot_utilization=float
Oldest: max_candidate_sequences=int32 preferred_batch_size=*int32 max_queue_delay_microseconds=uint64
 preserve_ordering=bool
ControlInput: name=string control=*Control
Control: kind=ControlKind int32_false_true=*int32 fp32_false_true=*float bool_false_true=*bool data_type=DataType
State: input_name,output_name=string data_type=DataType dims=*int64 initial_state=*InitialState
 use_same_buffer_for_input_output,use_growable_memory=bool
InitialState: data_type=DataType dims=*int64 zero_data=bool data_file,name=string
Ensembling: step=*Step max_inflight_requests,max_inflight_responses=uint32
Step: model_name,model_namespace=string model_version=int64 input_map,output_map=*Strings
InstanceGroup: name,host_policy=string kind=Kind count=int32 rate_limiter=RateLimiter gpus=*int32
 secondary_devices=*SecondaryDevice profile=*string passive=bool
SecondaryDevice: kind=SecondaryKind device_id=int64
RateLimiter: resources=*Resource priority=uint32
Resource: name=string global=bool count=uint32
Warmup: name=string batch_size,count=uint32 inputs=*WarmupInputs
WarmupInputs: key=string value=WarmupInput
WarmupInput: data_type=DataType dims=*int64 zero_data,random_data=bool input_data_file=string
Operations: op_library_filename=*string
Transactions: decoupled=bool
Agents: agents=*Named
Metrics: metric_control=*MetricControl
MetricControl: metric_identifier=MetricIdentifier histogram_options=Histogram
MetricIdentifier: family=string
Histogram: buckets=*double
"""
_ENUMS = """
DataType: TYPE_INVALID TYPE_BOOL TYPE_UINT8 TYPE_UINT16 TYPE_UINT32 TYPE_UINT64 TYPE_INT8 TYPE_INT16 TYPE_INT32
 TYPE_INT64 TYPE_FP16 TYPE_FP32 TYPE_FP64 TYPE_STRING TYPE_BF16
Format: FORMAT_NONE FORMAT_NHWC FORMAT_NCHW
BatchInputKind: BATCH_ELEMENT_COUNT BATCH_ACCUMULATED_ELEMENT_COUNT BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO
 BATCH_MAX_ELEMENT_COUNT_AS_SHAPE BATCH_ITEM_SHAPE BATCH_ITEM_SHAPE_FLATTEN
BatchOutputKind: BATCH_SCATTER_WITH_INPUT_SHAPE
Priority: PRIORITY_DEFAULT PRIORITY_MAX PRIORITY_MIN
TimeoutAction: REJECT DELAY
ControlKind: CONTROL_SEQUENCE_START CONTROL_SEQUENCE_READY CONTROL_SEQUENCE_END CONTROL_SEQUENCE_CORRID
Kind: KIND_AUTO KIND_GPU KIND_CPU KIND_MODEL
SecondaryKind: KIND_NVDLA
"""


class ConfigError(ValueError):
    """A configuration that Triton does not take; the text says why."""


def read_config(file: Path) -> Any:
    """Read a configuration; a file that is not there is an empty one.

    Returns
    -------
    Any
        The protobuf message ``ModelConfig``; what is left out has its type's default.

    Raises
    ------
    ConfigError
        When a field or value is unknown, or the text cannot be read; it says in which line and column.
    """
    config = _model_config()()
    if file.is_file():
        try:
            text_format.Parse(file.read_bytes(), config)
        except (text_format.ParseError, UnicodeDecodeError) as error:
            raise ConfigError(f"failed to read text proto from {file}: {error}") from error
    return config


@functools.cache
def _model_config() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference", syntax="proto3")
    enums = dict(_lines(_ENUMS))
    for name, values in enums.items():
        # In a message of its own: the values of an enum stand beside it, and some have the same name.
        enum = file.message_type.add(name=f"{name}s").enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in _lines(_MESSAGES):
        message, numbers = file.message_type.add(name=name), itertools.count(1)
        for names, _, kind in (each.partition("=") for each in fields):
            for each in names.split(","):
                _add_field(message.field.add(name=each, number=next(numbers)), kind, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))


def _lines(table: str) -> list[tuple[str, list[str]]]:
    lines = table.strip().replace("\n ", " ").splitlines()
    return [(name, rest.split()) for name, _, rest in (line.partition(":") for line in lines)]


def _add_field(field: Any, kind: str, enums: dict[str, list[str]]) -> None:
    repeated, name = kind.startswith("*"), kind.removeprefix("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if name in enums:
        field.type, field.type_name = field.TYPE_ENUM, f".inference.{name}s.{name}"
    elif name[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".inference.{name}"
    else:
        field.type = getattr(field, f"TYPE_{name.upper()}")
