from __future__ import annotations

import numpy as np
import pytest
from safetensors.torch import save_file

from failatlas.errors import UsageError
from failatlas.models.callable import CallableModel
from failatlas.models.load import load_model
from failatlas.models.module import TorchModel


def test_modules_callables_and_models_are_recognised(net):
    assert isinstance(load_model(net), TorchModel)
    assert isinstance(load_model(lambda images: images), CallableModel)
    ready = TorchModel(net)
    assert load_model(ready) is ready


def test_weights_replace_those_of_the_network(net, tmp_path, pixels):
    expected = TorchModel(net).predict(pixels)
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    model = load_model(type(net)(), weights=tmp_path / "w.safetensors")
    assert np.allclose(model.predict(pixels), expected)


@pytest.mark.parametrize("spec", ["net.h5", "net", "some folder/net.tflite", "net.PT3", "a:b:1"])
def test_an_unknown_spec_lists_what_is_possible(spec):
    with pytest.raises(UsageError) as caught:
        load_model(spec)
    for way in ("module:callable", ".pt2", ".onnx", "--predictions"):
        assert way in caught.value.remedy


def test_weights_without_their_network_say_how_to_name_it(tmp_path):
    save_file({}, tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="holds weights"):
        load_model(str(tmp_path / "w.safetensors"))


def test_weights_for_a_file_that_brings_its_own_are_refused(net, export, tmp_path):
    with pytest.raises(UsageError, match="brings its own weights"):
        load_model(export(net), weights=tmp_path / "w.safetensors")


def test_weights_for_a_function_are_refused(tmp_path):
    with pytest.raises(UsageError, match="belong to a torch module"):
        load_model(lambda images: images, weights=tmp_path / "w.safetensors")


def test_importing_the_room_imports_no_framework():
    import subprocess
    import sys

    heavy = ("torch", "onnxruntime", "onnx", "PIL", "scipy")
    code = f"import sys, failatlas.models; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
