"""ONNX files: that they paint as we do, at every size and without us, and that a file is there only if it does."""

import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

import impasto
from impasto import encoders, examples, picture, styles
from impasto.encoders.tensors import tensor
from impasto.errors import ImpastoError, ModelError, OutputError
from impasto.feedforward import decoder, export, models, recolour, statistics
from impasto.feedforward.arbitrary import Arbitrary, Architecture, Style
from impasto.feedforward.fast import Architecture as FastArchitecture
from impasto.feedforward.fast import Fast
from impasto.feedforward.quilt import cut

PROGRAMS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8"), re.DOTALL)
SIZES = [(1, 1), (2, 7), (4, 5), (15, 33), (64, 48), (131, 70)]  # height and width
SETTINGS = {"steps": 7, "note": "grün"}
pytestmark = pytest.mark.slow  # torch takes its time over each of the thousands of operators


@pytest.fixture(scope="module", autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def arbitrary(tmp_path_factory):
    """The folder of a model and of its ONNX file; as small as can be."""
    folder = tmp_path_factory.mktemp("arbitrary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recolour, "ITERATIONS", 3)
        patch.setattr(export, "LAYERS", ("relu1_1", "relu5_1"))
        network = Arbitrary(Architecture({"relu1_1": 32, "relu5_1": 160}, projections=3, widths=(4, 4, 4, 4), hidden=8, code=8))
        models.write(network, folder / "model.safetensors", SETTINGS)
        yield folder, export.export(folder / "model.safetensors", folder / "arbitrary.onnx")


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fast")
    models.write(random_fast(("dawn", "dusk")), folder / "model.safetensors", SETTINGS)
    return folder, export.export(str(folder / "model.safetensors"), str(folder / "model.onnx"))


@pytest.fixture(params=["fast", "arbitrary"])
def exported(request):
    """Its kind, its folder, and what came of its export."""
    return request.param, *request.getfixturevalue(request.param)


def random_fast(names, seed=0):
    torch.manual_seed(seed)
    network = Fast(FastArchitecture(names, width=2, blocks=0))
    for name, weights in network.named_parameters():
        if ".norm." in name:  # or its styles would all be the same
            nn.init.normal_(weights, 1 if "scale" in name else 0, 0.5)
    return network


def session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options)


def ours(folder, *arguments):
    with torch.no_grad():
        return export.exportable(models.read(folder / "model.safetensors"))(*arguments)


def random_picture(size):
    return torch.rand(1, 3, *size)


# What is exported


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 8)])
def test_moments(size) -> None:
    features = torch.randn(1, 4, *size)
    mean, second = export.moments(features)
    rows = features.double().numpy()[0].reshape(4, -1)
    assert np.allclose(mean.numpy()[0], rows.mean(1), atol=1e-6)
    assert np.allclose(second.numpy()[0], rows @ rows.T / rows.shape[1], atol=1e-5)


def test_moments_of_a_large_picture() -> None:
    """Rounding doesn't add up over its positions: the inverse root of a small covariance would enlarge it."""
    pixels = 0.7 + 0.01 * torch.randn(1, 3, 900, 1200)
    mean, second = export.moments(pixels)
    rows = pixels.double().numpy()[0].reshape(3, -1)
    assert np.allclose(mean.numpy()[0], rows.mean(1), atol=1e-6)
    assert np.allclose(second.numpy()[0], rows @ rows.T / rows.shape[1], atol=1e-6)


def test_a_style_is_described_as_when_painting() -> None:
    """The exported module paints what the network paints of the style's own statistics and blocks."""
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    content, style = random_picture((20, 30)), random_picture((41, 33))
    with torch.no_grad():
        known = statistics.statistics(style, encoder)
        seen = {layer: known[layer][0].shape[1] for layer in statistics.LAYERS}
        network = Arbitrary(Architecture(seen, projections=3, widths=(4, 4, 4, 4), hidden=8, code=8))
        painted = export.Arbitrary(network)(content, style)
        expected = network(content, Style(known, ((1.0, cut(style)),))).clamp(0, 1)
    assert torch.allclose(painted, expected, atol=1e-5)


def test_exports_are_checked(exported) -> None:
    _, _, done = exported
    assert len(done.differences) == len(export.CHECKS) >= 2
    assert max(done.differences.values()) <= 1e-3
    assert any(int(side) % 2 for sizes in done.differences for side in re.findall(r"\d+", sizes))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("style_size", [(32, 32), (35, 700), (67, 40)])
def test_arbitrary_at_any_size(arbitrary, size, style_size) -> None:
    folder, done = arbitrary
    content, style = random_picture(size), random_picture(style_size)
    (painted,) = session(done.path).run(None, {"content": content.numpy(), "style": style.numpy()})
    assert painted.shape == content.shape
    assert np.abs(painted - ours(folder, content, style).numpy()).max() <= 1e-3


class Colours(nn.Module):
    def forward(self, content):
        return statistics.colours(content)


def test_colours_of_a_large_flat_picture() -> None:
    """The runtime's rounding doesn't add up over the positions, which it does where many are alike."""
    size = {2: torch.export.Dim.DYNAMIC(min=2), 3: torch.export.Dim.DYNAMIC(min=2)}
    with export._quietly():
        program = torch.onnx.export(Colours(), (torch.rand(1, 3, 8, 9),), dynamic_shapes=(size,), opset_version=export.OPSET, verbose=False)
    content = torch.full((1, 3, 900, 1200), 0.7137)
    content[:, :, :, :200] = torch.rand(1, 3, 900, 200)
    mean, second = session(program.model_proto.SerializeToString()).run(None, {program.model.graph.inputs[0].name: content.numpy()})
    rows = content.double().numpy()[0].reshape(3, -1)
    assert np.allclose(mean[0], rows.mean(1), atol=1e-5)
    assert np.allclose(second[0] - np.outer(mean[0], mean[0]), np.cov(rows, bias=True), atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_fast_at_any_size(fast, size) -> None:
    folder, done = fast
    content = random_picture(size)
    paintings = []
    for shares in ([1.0, 0.0], [0.25, 0.75]):
        (painted,) = session(done.path).run(None, {"content": content.numpy(), "shares": np.array([shares], np.float32)})
        assert painted.shape == content.shape
        assert np.abs(painted - ours(folder, content, torch.tensor([shares])).numpy()).max() <= 1e-3
        paintings.append(painted)
    assert np.abs(paintings[0] - paintings[1]).max() > 0.01


def test_one_style_has_no_shares() -> None:
    assert export.Fast(random_fast(("dawn",)), 1).inputs == ("content",)


def test_inputs_and_outputs(exported) -> None:
    kind, _, done = exported
    picture_shape, style_shape = [1, 3, "height", "width"], [1, 3, "style_height", "style_width"]
    inputs = {"arbitrary": {"content": picture_shape, "style": style_shape}, "fast": {"content": picture_shape, "shares": [1, 2]}}[kind]
    opened = session(done.path)
    assert {value.name: value.shape for value in opened.get_inputs()} == inputs
    assert {value.name: value.shape for value in opened.get_outputs()} == {"painting": picture_shape}
    assert {value.type for value in (*opened.get_inputs(), *opened.get_outputs())} == {"tensor(float)"}


def test_one_file_of_standard_operators(exported) -> None:
    _, folder, done = exported
    assert {file.name for file in folder.glob("*.onnx*")} == {done.path.name}
    model = onnx.load(done.path)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]


def test_metadata(exported) -> None:
    kind, folder, done = exported
    about = json.loads(session(done.path).get_modelmeta().custom_metadata_map["impasto"])
    read = models.read(folder / "model.safetensors")
    assert about["kind"] == kind
    assert about["settings"] == SETTINGS
    assert about["version"] == impasto.__version__
    assert about["checksum"] == read.checksum
    assert type(read.network.architecture)(**about["architecture"]) == read.network.architecture


def test_nothing_of_this_machine_is_inside(exported) -> None:
    content = exported[2].path.read_bytes()
    assert b".py" not in content
    assert str(Path(impasto.__file__).parent).encode() not in content


# Without us


def paint_alone(program, folder):
    """Run a program of the page where its files are; it may use neither torch nor Impasto."""
    program += "\nimport sys\nassert not {'torch', 'impasto'} & sys.modules.keys()\n"
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return torch.from_numpy(np.asarray(Image.open(folder / "painting.png"), np.float32) / 255).permute(2, 0, 1)[None]


def small(source, target, width):
    with Image.open(source) as image:
        image.convert("RGB").resize((width, 61)).save(target, quality=95)
    return tensor(picture.read(target).picture)


def test_painting_without_torch_in_any_style(arbitrary) -> None:
    folder, _ = arbitrary
    content = small(examples.path("coffee"), folder / "photo.jpg", 83)
    style = small(styles.path("waves"), folder / "style.jpg", 70)
    assert (paint_alone(PROGRAMS[0], folder) - ours(folder, content, style)).abs().max() <= 0.51 / 255 + 1e-3


def test_painting_without_torch_in_ones_own_styles(fast) -> None:
    folder, _ = fast
    content = small(examples.path("chelsea"), folder / "photo.jpg", 83)
    expected = ours(folder, content, torch.tensor([[0.5, 0.5]]))
    assert (paint_alone(PROGRAMS[1], folder) - expected).abs().max() <= 0.51 / 255 + 1e-3


def test_the_page_has_a_program_for_each() -> None:
    assert len(PROGRAMS) == 2


# What is refused


@pytest.fixture
def folder(tmp_path, fast, monkeypatch):
    """A folder with a model whose export, already made, needs no second one."""
    (tmp_path / "model.safetensors").write_bytes((fast[0] / "model.safetensors").read_bytes())
    monkeypatch.setattr(export, "graph", lambda *_: fast[1].path.read_bytes())
    return tmp_path


def refusal(kind, model, output):
    with pytest.raises(kind) as caught:
        export.export(model, output)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def names(folder):
    return {file.name for file in folder.iterdir()}


def test_a_file_that_paints_differently_is_not_kept(folder) -> None:
    models.write(random_fast(("dawn", "dusk"), seed=1), folder / "model.safetensors", {})
    assert re.search(r"with a difference of \S+ from ours", refusal(ModelError, folder / "model.safetensors", folder / "out.onnx"))
    assert names(folder) == {"model.safetensors"}


def test_a_file_that_does_not_run_is_not_kept(folder, monkeypatch) -> None:
    monkeypatch.setattr(export, "graph", lambda *_: b"no graph")
    (folder / "out.onnx").write_bytes(b"before")
    assert "can't run the exported file" in refusal(ModelError, folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors", "out.onnx"}
    assert (folder / "out.onnx").read_bytes() == b"before"


def test_a_painting_that_is_no_number_is_refused(fast) -> None:
    module = export.exportable(models.read(fast[0] / "model.safetensors"))
    nn.init.constant_(module.network.finish.convolution.bias, float("nan"))
    with pytest.raises(ModelError, match="difference of nan"):
        export.check(fast[1].path.read_bytes(), module)


@pytest.mark.parametrize("moment", ["check", "replace"])
def test_interrupted(folder, monkeypatch, moment) -> None:
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(*{"check": (export, "check"), "replace": (Path, "replace")}[moment], interrupt)
    with pytest.raises(KeyboardInterrupt):
        export.export(folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors"}


def test_full_disk(folder, monkeypatch) -> None:
    def half(self, content):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    assert "No space left" in refusal(OutputError, folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors"}


def test_a_folder_that_takes_no_files_is_refused_before_any_work(folder, monkeypatch) -> None:
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(export, "TemporaryFile", refuse)
    monkeypatch.setattr(models, "read", lambda *_: pytest.fail("there was work done"))
    assert "Permission denied" in refusal(OutputError, folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors"}


@pytest.mark.parametrize("output", ["out.pt", "out", "missing/out.onnx", "folder.onnx"])
def test_outputs(folder, output) -> None:
    (folder / "folder.onnx").mkdir()
    assert output in refusal(OutputError, folder / "model.safetensors", folder / output)
    assert names(folder) == {"model.safetensors", "folder.onnx"}


def test_models(folder) -> None:
    assert "nowhere" in refusal(ModelError, folder / "nowhere.safetensors", folder / "out.onnx")
    (folder / "half.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    assert "damaged" in refusal(ModelError, folder / "half.safetensors", folder / "out.onnx")
    models.write(decoder.Decoder(decoder.Architecture("pocket", ((4,), (4,)))), folder / "decoder.safetensors", {})
    assert "is a decoder" in refusal(ModelError, folder / "decoder.safetensors", folder / "out.onnx")


def test_missing_packages(folder, monkeypatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda package: None if package != "onnx" else object())
    message = refusal(ModelError, folder / "model.safetensors", folder / "out.onnx")
    assert "onnxruntime, onnxscript" in message
    assert 'pip install "impasto[onnx]"' in message


def test_the_packaged_network_has_a_name(tmp_path, monkeypatch) -> None:
    read = []

    def refuse(path, *_):
        read.append(path)
        raise ModelError("enough")

    monkeypatch.setattr(models, "read", refuse)
    refusal(ModelError, "arbitrary", tmp_path / "out.onnx")
    assert read == [models.packaged("arbitrary")]
