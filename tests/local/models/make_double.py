"""Write ``double.onnx``, a model of one operation (y = 2 x): run with any Python that has the ``onnx`` package."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

if __name__ == "__main__":
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "features"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "features"])],
        [helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])],
    )
    # The oldest versions that do: any onnxruntime reads them.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    Path(__file__).with_name("double.onnx").write_bytes(model.SerializeToString(deterministic=True))
