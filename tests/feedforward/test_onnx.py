"""ONNX files: that they paint as we do, at every size and without us, and that no other file is taken for one of ours."""

import errno
import importlib.util
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
from numpy.testing import assert_allclose
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from small import any_style, few_styles, picture, sessions

import impasto
from impasto import examples, styles
from impasto.errors import ImpastoError, ModelError, OptionError, OutputError
from impasto.feedforward import decoder, export, models, networks
from impasto.feedforward import onnx as files
from impasto.feedforward.names import PAINTING, PICTURE, SHARES
from impasto.feedforward.onepass import AnyStyle, FewStyles
from impasto.feedforward.painter import implied, made_ready
from impasto.feedforward.sessions import Sessions, filled
from impasto.picture import read

ROOT = Path(__file__).parents[2]
GRAPHS = Path(models.__file__).parent / "graphs"
KINDS, PARTS = ("arbitrary", "fast"), ("look", "paint")
SETTINGS = {"steps": 7, "note": "grün"}
STEP = 1 / 255


@pytest.fixture(scope="module")
def arbitrary(tmp_path_factory):
    """The folder of a model and of its ONNX files."""
    folder = tmp_path_factory.mktemp("arbitrary")
    networks.write(any_style(), folder / "model.safetensors", SETTINGS)
    return folder, export.export(folder / "model.safetensors", folder / "arbitrary.onnx").files


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fast")
    networks.write(few_styles(), folder / "model.safetensors", SETTINGS)
    return folder, export.export(str(folder / "model.safetensors"), str(folder / "fast.onnx")).files


@pytest.fixture(params=KINDS)
def exported(request):
    """Its kind, its folder, and its files."""
    return request.param, *request.getfixturevalue(request.param)


def session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options)


# Messages


def test_what_is_joined_is_one_file():
    """As the library of ONNX reads it: with the weights, and with what it says of itself."""
    weights = {name: value.numpy() for name, value in few_styles().state_dict().items()}
    content = filled("paint", "fast", weights, {"first": "1", "second": "zwölf"})
    model = onnx.load_from_string(content)
    known = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for name, value in weights.items():
        assert_allclose(known[f"network.{name}"], value, atol=0)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"first": "1", "second": "zwölf"}
    assert files.metadata(content, "x") == {"first": "1", "second": "zwölf"}


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 1, 4), (0, 2)])
def test_tensors(shape):
    value = np.random.default_rng(0).random(shape, np.float32)
    joined = files.joined(helper.make_graph([], "g", [], []).SerializeToString()[:0], {"x" * 200: value})
    (found,) = onnx.load_from_string(joined).graph.initializer
    assert (found.name, found.data_type) == ("x" * 200, TensorProto.FLOAT)
    assert_allclose(numpy_helper.to_array(found), value, atol=0)
    assert tuple(found.dims) == shape


@pytest.mark.parametrize("kind", KINDS)
def test_wanted_is_what_the_network_knows(kind):
    """A look and a painting together use every weight."""
    network = {"arbitrary": any_style, "fast": few_styles}[kind]()
    known = {f"network.{name}" for name in network.state_dict()} | {f"encoder.{name}" for name in models.encoder()}
    looked, painted = (files.wanted((GRAPHS / f"{kind}-{part}.onnx").read_bytes()) for part in PARTS)
    assert painted == {name for name in known if name.startswith("network.")}
    if kind == "fast":
        assert looked == painted
    else:
        assert looked <= known - painted
        assert {name[12] for name in looked} == {"1", "2", "3", "4"}  # of convN_M, as deep as is seen


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_packaged_graphs(kind, part):
    """Standard operators, no weights, and nothing of the machine that wrote them."""
    content = (GRAPHS / f"{kind}-{part}.onnx").read_bytes()
    assert len(content) < 300_000
    assert b".py" not in content
    assert files.metadata(content, "x") == {}
    model = onnx.load_from_string(content)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    weights = [one.name for one in model.graph.initializer if one.name.startswith(("network.", "encoder."))]
    assert all(name.endswith((".mean", ".deviation")) for name in weights)
    assert all(not side.ByteSize() for value in (*model.graph.input, *model.graph.output) for side in value.type.tensor_type.shape.dim)


@pytest.mark.slow  # torch takes its time over each of the thousands of operators
def test_graphs_are_those_of_the_modules():
    """What `training/graphs.py` makes of the code as it is paints what the packaged graphs do."""
    spec = importlib.util.spec_from_file_location("graphs", ROOT / "training" / "graphs.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    fresh = made.graphs()
    assert fresh.keys() == {f"{kind}-{part}" for kind in KINDS for part in PARTS} == {file.stem for file in GRAPHS.glob("*")}
    content, style = picture(70, 90), picture(60, 50, 1)

    def made_of(network, kind):
        """Computed by the fresh graphs."""
        known = {f"network.{name}": value.numpy() for name, value in network.state_dict().items()}
        known |= {f"encoder.{name}": value for name, value in models.encoder().items()}

        def graph(part):
            return files.joined(fresh[f"{kind}-{part}"], {name: known[name] for name in files.wanted(fresh[f"{kind}-{part}"])})

        return Sessions(graph, "x")

    network = any_style()
    ours, theirs = (AnyStyle(engine, [(1.0, style)]) for engine in (sessions(network), made_of(network, "arbitrary")))
    assert_allclose(ours.paint(content), theirs.paint(content), atol=1e-4)
    network = few_styles(("a", "b", "c"), 5)
    ours, theirs = (FewStyles(engine, [0.2, 0.3, 0.5]) for engine in (sessions(network), made_of(network, "fast")))
    for tile in (1024, 64):
        assert_allclose(ours.paint(content, tile=tile), theirs.paint(content, tile=tile), atol=1e-4)
    for name, graph in fresh.items():
        fresh_model, packaged = (onnx.load_from_string(one) for one in (graph, (GRAPHS / f"{name}.onnx").read_bytes()))
        for kind in ("input", "output"):
            assert [value.name for value in getattr(fresh_model.graph, kind)] == [value.name for value in getattr(packaged.graph, kind)]


# What is exported


def test_files(exported):
    kind, folder, written = exported
    assert written == tuple(folder / f"{kind}-{part}.onnx" for part in PARTS)
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", *(file.name for file in written)}
    for file in written:
        model = onnx.load(file)
        onnx.checker.check_model(model)
        assert {opset.domain for opset in model.opset_import} == {""}


def test_metadata(exported):
    kind, folder, written = exported
    held = models.held(folder / "model.safetensors")
    for part, file in zip(PARTS, written, strict=True):
        about = json.loads(session(file).get_modelmeta().custom_metadata_map["impasto"])
        assert (about["kind"], about["part"], about["checksum"]) == (kind, part, held.checksum)
        assert (about["settings"], about["version"]) == (SETTINGS, impasto.__version__)
        assert about["architecture"] == held.architecture


def test_nothing_of_this_machine_is_inside(exported):
    for file in exported[2]:
        content = file.read_bytes()
        assert b".py" not in content
        assert str(Path(impasto.__file__).parent).encode() not in content


SIZES = [(1, 1), (15, 33), (64, 48), (131, 70)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_style_at_any_size(arbitrary, size):
    look, paint = (made_ready("arbitrary", arbitrary[1][n], "auto", "auto").engine for n in (0, 1))
    content, style = picture(*size), [(1.0, picture(40, 60, 2))]
    expected = AnyStyle(sessions(any_style()), style).paint(content)
    for engine in (look, paint):
        assert_allclose(AnyStyle(engine, style).paint(content), expected, atol=0)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_few_styles_at_any_size(fast, size):
    """By their files alone, and by `--model` with either."""
    content, paintings = picture(*size), []
    margins = [(16, max(64, -(-(side + 32) // 8) * 8) - side - 16) for side in size]
    padded = np.pad(content, (*margins, (0, 0)), "edge").transpose(2, 0, 1)[None].copy()
    for shares in ([1.0, 0.0], [0.25, 0.75]):
        (painted,) = session(fast[1][0]).run([PAINTING], {PICTURE: padded, SHARES: np.array([shares], np.float32)})
        paintings.append(painted[0, :, 16 : 16 + size[0], 16 : 16 + size[1]].transpose(1, 2, 0))
        for file in fast[1]:
            ready = made_ready("fast", file, "cpu", "float32")
            assert ready.styles == ("dawn", "dusk")
            assert_allclose(FewStyles(ready.engine, shares).paint(content), paintings[-1], atol=1e-6)
    assert np.abs(paintings[0] - paintings[1]).max() > 0.01


def test_the_command_paints_with_them(fast, arbitrary, tmp_path):
    content = (255 * picture(40, 50)).astype(np.uint8)
    for (folder, written), style in ((fast, "dusk"), (arbitrary, (255 * picture(30, 40, 3)).astype(np.uint8))):
        expected = np.asarray(impasto.stylize(content, style, model=folder / "model.safetensors", device="cpu", size=0)).astype(int)
        for file in written:
            painted = impasto.stylize(content, style, model=file, size=0, output=tmp_path / "out.png")
            assert np.abs(np.asarray(painted) - expected).max() <= 1
            settings = json.loads(painted.info["impasto"])
            assert settings["method"] == implied(file) == folder.name.rstrip("0123456789")
            assert len(settings["model_sha256"]) == 64
        again = impasto.stylize(content, style, like=tmp_path / "out.png")
        assert np.array_equal(np.asarray(again), np.asarray(painted))


def test_the_packaged_ones_have_names(tmp_path):
    for kind in KINDS:
        export.export(kind, tmp_path / f"{kind}.onnx")
        about = files.metadata((tmp_path / f"{kind}-paint.onnx").read_bytes(), "x")
        assert json.loads(about["impasto"])["checksum"] == models.held(models.packaged(kind)).checksum


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_over(kind, tmp_path):
    """ONNX Runtime warns of every initializer that no node takes."""
    for file in export.export(kind, tmp_path / "out.onnx").files:
        graph = onnx.load(file).graph
        taken = {name for node in graph.node for name in node.input}
        assert {one.name for one in graph.initializer} <= taken | {one.name for one in graph.output}


# Without us

PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8"), re.DOTALL)


def paint_alone(program, folder):
    """Run a program of the page where its files are; it may use neither torch nor Impasto."""
    program += "\nimport sys\nassert not {'torch', 'impasto'} & sys.modules.keys()\n"
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(folder / "painting.png"), np.float32) / 255


def small(source, target, width):
    with Image.open(source) as image:
        image.convert("RGB").resize((width, 61)).save(target, quality=95)
    return read(target).picture


def test_the_page_has_a_program_for_each():
    assert len(PROGRAMS) == 2


def test_painting_without_us_in_any_style(arbitrary, tmp_path):
    for file in arbitrary[1]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content, style = (small(source, tmp_path / f"{name}.jpg", width) for source, name, width in SOURCES)
    expected = AnyStyle(sessions(any_style()), [(1.0, style)]).paint(content)
    assert np.abs(paint_alone(PROGRAMS[0], tmp_path) - expected).max() <= STEP


SOURCES = [(examples.path("coffee"), "photo", 83), (styles.path("waves"), "style", 70)]


def test_painting_without_us_in_a_few_styles(fast, tmp_path):
    for file in fast[1]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = small(examples.path("chelsea"), tmp_path / "photo.jpg", 83)
    expected = FewStyles(sessions(few_styles()), [0.0, 1.0]).paint(content)
    assert np.abs(paint_alone(PROGRAMS[1], tmp_path) - expected).max() <= STEP


# What isn't exported


@pytest.fixture
def folder(tmp_path, fast):
    """A folder with a model."""
    (tmp_path / "model.safetensors").write_bytes((fast[0] / "model.safetensors").read_bytes())
    return tmp_path


def refusal(kind, work, *arguments):
    with pytest.raises(kind) as caught:
        work(*arguments)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def names(folder):
    return {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("output", ["out.pt", "out", "model.safetensors/out.onnx", "folder.onnx"])
def test_outputs(folder, output):
    for part in PARTS:
        (folder / f"folder-{part}.onnx").mkdir()
    before = names(folder)
    assert output.removesuffix(".onnx") in refusal(OutputError, export.export, folder / "model.safetensors", folder / output)
    assert names(folder) == before


def test_a_folder_that_is_not_there_is_made(folder):
    written = export.export(folder / "model.safetensors", folder / "new" / "out.onnx").files
    assert all(file.is_file() for file in written)
    assert names(folder / "new") == {f"out-{part}.onnx" for part in PARTS}


def test_models(folder):
    def refused(model):
        return refusal(ModelError, export.export, folder / model, folder / "out.onnx")

    assert "nowhere" in refused("nowhere.safetensors")
    (folder / "half.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    assert "damaged" in refused("half.safetensors")
    networks.write(decoder.Decoder(decoder.Architecture("pocket", ((4,), (4,)))), folder / "decoder.safetensors", {})
    assert "is a decoder" in refused("decoder.safetensors")
    torch.save({"weight": torch.zeros(3)}, folder / "pickle.safetensors")
    assert "holds a pickle" in refused("pickle.safetensors")
    held = models.held(folder / "model.safetensors")
    weights = {name: value for name, value in held.weights.items() if name != "finish.bias"}
    models.store(folder / "lacking.safetensors", "fast", held.architecture, weights, {})
    assert "damaged or no model of ours" in refused("lacking.safetensors")
    assert {name for name in names(folder) if name.endswith(".onnx")} == set()


def test_full_disk(folder, monkeypatch):
    def half(self, content):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    assert "No space left" in refusal(OutputError, export.export, folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors"}


def test_a_disk_that_fills_up_leaves_no_half_of_a_pair(folder, monkeypatch):
    whole = Path.write_bytes

    def first_only(self, content):
        if list(self.parent.glob(".impasto-*.part")):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(self, content)

    monkeypatch.setattr(Path, "write_bytes", first_only)
    assert "No space left" in refusal(OutputError, export.export, folder / "model.safetensors", folder / "out.onnx")
    assert names(folder) == {"model.safetensors"}


# What isn't painted with


@pytest.fixture
def two(tmp_path, fast):
    """Both files of a model, in a folder of their own."""
    for part, file in zip(PARTS, fast[1], strict=True):
        (tmp_path / f"mine-{part}.onnx").write_bytes(file.read_bytes())
    return [tmp_path / f"mine-{part}.onnx" for part in PARTS]


def complaint(model, **options):
    return refusal(ModelError, lambda: impasto.stylize(np.full((20, 30, 3), 99, np.uint8), None, model=model, size=0, **options))


def tiny(domain="", external=False, said=None, within=False):
    """An ONNX file of someone else's; what it does may be within a branch."""
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [2.0])
    if external:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weights.bin")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("picture", "painting")]
    node = helper.make_node("Mul", ["picture", "weight"], ["painting"], domain=domain)
    weights = [weight]
    if within:
        branch = helper.make_graph([node], "branch", [], values[1:], weights)
        node, weights = helper.make_node("If", ["picture"], ["painting"], then_branch=branch, else_branch=branch), []
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:], weights), opset_imports=[helper.make_opsetid("", 18)])
    if said is not None:
        helper.set_model_props(model, {"impasto": said})
    return model.SerializeToString()


DESCRIBED = json.dumps({"kind": "fast", "architecture": {"styles": ["a"]}, "checksum": "0", "part": "look"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiny(), "is no model of ours"),
        (tiny(said=DESCRIBED.replace("fast", "decoder")), "holds a model of kind decoder, and arbitrary or fast is needed"),
        (tiny(external=True, said=DESCRIBED), "keeps its weights in another file"),
        (tiny(external=True, said=DESCRIBED, within=True), "keeps its weights in another file"),
        (tiny("com.example", said=DESCRIBED, within=True), "needs operators of com.example"),
        (tiny("com.example", said=DESCRIBED), "needs operators of com.example"),
        (tiny("com.microsoft", said=DESCRIBED), "needs operators of com.microsoft"),
        (tiny(said="no JSON"), "damaged"),
        (tiny(said="[1]"), "damaged"),
        (tiny(said='{"kind": "fast"}'), "damaged"),
        (tiny(said=DESCRIBED.replace('{"styles": ["a"]}', "[1]")), "damaged"),
        (tiny(said=DESCRIBED.replace('["a"]', "5")), "damaged"),
        (tiny(said=DESCRIBED.replace('["a"]', '"starry"')), "damaged"),
        (tiny(said=DESCRIBED.replace('["a"]', "[1, 2]")), "damaged"),
        (tiny(said=DESCRIBED.replace('["a"]', "[" * 100_000 + "]" * 100_000)), "damaged"),
        (b"", "no model of ours"),
        (b"nothing of the kind", "damaged or no ONNX file"),
        (np.random.default_rng(0).bytes(5000), "damaged or no ONNX file"),
        (b"\x80\x04\x95\x10pickle", "damaged or no ONNX file"),
        (bytes([0x0A]) + b"\xff" * 20, "damaged or no ONNX file"),
    ],
)
def test_files_of_others(two, content, said):
    two[0].write_bytes(content)
    for file in two:  # be it named, or beside the one that is
        assert said.replace("arbitrary or fast", "arbitrary or fast" if file is two[0] else "fast") in complaint(file)


def test_files_that_give_something_else(two):
    """What isn't called as ours is, and what isn't made of 32 bits."""
    model = onnx.load(two[0])
    model.graph.output[0].name, kept = "picture2", model.graph.output[0].name
    next(node for node in model.graph.node if kept in node.output).output[0] = "picture2"
    two[0].write_bytes(model.SerializeToString())
    assert "doesn't give what a model of its kind gives" in complaint(two[0])


def test_files_that_give_no_numbers(two):
    for file in two:
        model = onnx.load(file)
        for output in model.graph.output:
            node = next(node for node in model.graph.node if output.name in node.output)
            node.output[list(node.output).index(output.name)] = f"{output.name}_"
            model.graph.node.append(helper.make_node("Cast", [f"{output.name}_"], [output.name], to=TensorProto.DOUBLE))
            output.type.tensor_type.elem_type = TensorProto.DOUBLE
        file.write_bytes(model.SerializeToString())
    assert "no numbers of 32 bits" in complaint(two[0])


def test_what_is_needed_is_said_of_kinds(arbitrary, fast):
    content, style = np.zeros((9, 9, 3), np.uint8), (255 * picture(20, 30)).astype(np.uint8)
    for (_, written), named, method, kind in ((fast, style, "arbitrary", "fast"), (arbitrary, "dawn", "fast", "arbitrary")):
        for file in written:
            said = refusal(ModelError, lambda file=file: impasto.stylize(content, named, model=file, method=method))  # noqa: B023
            assert f"{file} holds a model of kind {kind}, and {method} is needed" in said


@pytest.mark.parametrize("n", [0, 1])
def test_truncated_files(two, n):
    whole = two[n].read_bytes()
    for length in (1, 100, 5000, len(whole) // 2, len(whole) - 1):
        two[n].write_bytes(whole[:length])
        assert re.search("damaged|no model of ours", complaint(two[n]))


def test_damaged_files_are_refused_or_painted_with(two):
    """Wherever a byte is wrong there is a picture or one line, never anything else."""
    generator, whole = np.random.default_rng(0), two[0].read_bytes()
    heads = [int(place) for place in generator.integers(0, 400, 25)]
    refused = []
    for place in (*heads, *(int(place) for place in generator.integers(0, len(whole), 5))):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(8))
        two[0].write_bytes(damaged)
        try:
            impasto.stylize(np.full((20, 30, 3), 99, np.uint8), None, model=two[0], size=0)
        except ModelError as error:
            refused.append(str(error))
    assert len(refused) > 3
    assert all(len(said.splitlines()) == 1 for said in refused)


def test_numbers_in_place_of_names_are_damage():
    """A small file must not say how much memory is taken."""
    number = (14 << 3 | 2, 6, 1 << 3, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F)
    with pytest.raises(ModelError, match="damaged"):
        files.metadata(bytes(number), "x")


def test_a_part_that_is_missing(two):
    for kept, gone in (two, two[::-1]):
        content = gone.read_bytes()
        gone.unlink()
        assert f"{gone} can't be read" in complaint(kept)
        assert f"{gone} can't be read" in complaint(gone)
        gone.write_bytes(content)


def test_parts_of_two_models(two, tmp_path):
    networks.write(few_styles(seed=3), tmp_path / "other.safetensors", {})
    look, _ = export.export(tmp_path / "other.safetensors", tmp_path / "other.onnx").files
    two[0].write_bytes(look.read_bytes())
    for file in two:
        assert "are parts of two models; export one of them again" in complaint(file)


def test_parts_that_are_exchanged(two):
    look, paint = (file.read_bytes() for file in two)
    two[0].write_bytes(paint)
    two[1].write_bytes(look)
    assert "export" in complaint(two[0])


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"precision": "bfloat16"}])
def test_devices(two, options):
    said = refusal(OptionError, lambda: impasto.stylize(np.zeros((9, 9, 3), np.uint8), None, model=two[0], **options))
    assert "paints on the CPU" in said
