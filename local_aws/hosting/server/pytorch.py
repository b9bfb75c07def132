"""What the PyTorch inference images do where a handler omits a function.

The rules are those of DefaultPytorchInferenceHandler in sagemaker-pytorch-inference 2.0:
https://github.com/aws/sagemaker-pytorch-inference-toolkit/tree/master/src/sagemaker_pytorch_serving_container
Torch is imported when a default needs it, and may be missing: ONNX models run in these images, too.
"""

import functools
import importlib
import importlib.util
import logging
from pathlib import Path
from typing import Any

from sagemaker_inference import content_types, decoder, encoder, errors, utils

from . import torchserve
from .toolkit import ToolkitWorker, has_handler
from .workers import Worker

_log = logging.getLogger("local-aws")


def create(model_dir: Path) -> Worker:
    """Load the model in ``model_dir`` as the image's worker does."""
    torchserve.provide()
    return ToolkitWorker(model_dir, PyTorchDefaults())


class ModelLoadError(Exception):
    """A model file that torch.jit cannot load."""


@functools.cache
def _torch() -> Any:
    """Return the torch module, None when it is not installed."""
    return importlib.import_module("torch") if importlib.util.find_spec("torch") else None


def _device() -> Any:
    return _torch().device("cuda" if _torch().cuda.is_available() else "cpu")


class PyTorchDefaults:
    """The image's default handler functions."""

    def default_model_fn(self, model_dir: str) -> Any:
        """Load ``model.pt``, else the only .pt or .pth file, with torch.jit."""
        if _torch() is None:
            lacks = "inference.py has no model_fn" if has_handler() else "the model archive has no code/inference.py"
            raise NotImplementedError(
                f"{lacks}, and the image's default, which loads TorchScript, needs torch: "
                "define model_fn, or install torch where local AWS runs"
            )
        path = Path(model_dir, "model.pt")
        if not path.exists():
            files = sorted(p for p in Path(model_dir).iterdir() if p.is_file() and p.suffix in {".pt", ".pth"})
            if len(files) != 1:
                names = [p.name for p in files]
                raise ValueError(f"Exactly one .pth or .pt file is required for PyTorch models: {names}")
            path = files[0]
        try:
            model = _torch().jit.load(str(path), map_location=_device())
        except RuntimeError as e:
            raise ModelLoadError(f"Failed to load {path}. Please ensure model is saved using torchscript.") from e
        return model.to(_device())

    def default_input_fn(self, input_data: Any, content_type: str) -> Any:
        """Decode JSON, CSV, NPY or NPZ to a tensor: float32 for the text types."""
        array = decoder.decode(input_data, content_type)
        is_text = content_type in content_types.UTF8_TYPES
        if _torch() is None:
            _say_that_arrays_stand_in()
            return array.astype("float32") if is_text else array
        tensor = _torch().FloatTensor(array) if is_text else _torch().from_numpy(array)
        return tensor.to(_device())

    def default_predict_fn(self, data: Any, model: Any) -> Any:
        """Call the model on the data, without gradients."""
        if _torch() is None:
            raise NotImplementedError("inference.py has no predict_fn, and the image's default needs torch")
        with _torch().no_grad():
            model = model.to(_device())
            model.eval()
            return model(data.to(_device()))

    def default_output_fn(self, prediction: Any, accept: str) -> Any:
        """Encode as the first type of ``accept`` that the toolkit knows: JSON, CSV or NPY."""
        if _torch() is not None and isinstance(prediction, _torch().Tensor):
            prediction = prediction.detach().cpu().numpy().tolist()
        for content_type in utils.parse_accept(accept):
            if content_type in encoder.SUPPORTED_CONTENT_TYPES:
                return encoder.encode(prediction, content_type)
        raise errors.UnsupportedFormatError(accept)


@functools.cache
def _say_that_arrays_stand_in() -> None:
    _log.warning("torch is not installed here: predict_fn gets a NumPy array where the image passes a torch.Tensor")
