"""Where TensorFlow Serving's container looks for a SavedModel inside the artifact, and what is wrong if none is there.

Source: aws/deep-learning-containers, scripts/docker/tensorflow/inference/sagemaker/tfs_utils.py, ``find_models``: each
``saved_model.pb`` whose directory has a name of digits only is one version of a model.
"""

from __future__ import annotations

from collections.abc import Iterable

_FILE = "saved_model.pb"
_WANTED = f"'1/{_FILE}'"
_EXPORT = "tf.saved_model.save(model, 'DIRECTORY/1') writes it so"
_KERAS = (".keras", ".h5", ".hdf5")
_LISTED = 5


def saved_model_problem(names: Iterable[str]) -> str | None:
    """Say why TensorFlow Serving would find no model among the files of an artifact.

    Parameters
    ----------
    names
        Names of the artifact's files, as seen from its top.

    Returns
    -------
    str or None
        None when there is a ``<version>/saved_model.pb``, alone or below the model's name.
    """
    elsewhere, keras, top = [], [], []
    for name in names:
        *folders, file = name.split("/")
        if file == _FILE:
            if folders and folders[-1].isascii() and folders[-1].isdigit():
                return None
            elsewhere.append("/".join(folders))
        if file.endswith(_KERAS):
            keras.append(name)
        top.append(name)
    if elsewhere:
        where = ", ".join(f"in '{folder}/'" if folder else "at the top" for folder in elsewhere[:_LISTED])
        return (
            f"has {_FILE} {where}, where TensorFlow Serving does not look: its directory must be named by a version "
            f"number, as in {_WANTED}; rename or add the directory"
        )
    if keras:
        return (
            f"has no SavedModel but the Keras file '{keras[0]}', which TensorFlow Serving cannot read; export it "
            f"(model.export('DIRECTORY/1')) so that the artifact has {_WANTED}"
        )
    there = ", ".join(top[:_LISTED]) + (" …" if len(top) > _LISTED else "")
    return f"has no SavedModel: TensorFlow Serving looks for {_WANTED}; {_EXPORT} (found {there or 'nothing'})"
