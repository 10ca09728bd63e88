"""``impasto train classifier``, ``impasto classify`` and ``impasto evaluate``: the commands."""

import csv
import json
import warnings
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from impasto import examples, picture
from impasto.cli.evaluate import evaluate
from impasto.cli.main import main
from impasto.cli.progress import Bar
from impasto.cli.train import classifier as command
from impasto.evaluate import classifier_training
from impasto.evaluate.classifier_training import Trained
from impasto.evaluate.scoring import Critic

SMALL = ("--encoder", "pocket", "--size", 32, "--epochs", 8, "--batch", 4, "--rate", 0.01, "--device", "cpu")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """A folder to work in, and warnings that the commands alone show."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    # Wide enough for a table, which is not wrapped then.
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model that tells light pictures from dark ones, and the folder it learnt that from."""
    root = tmp_path_factory.mktemp("tones")
    for name, low in (("dark", 0), ("light", 180)):
        (root / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng((low, number)).integers(low, low + 70, (40, 50, 3), np.uint8)
            Image.fromarray(pixels).save(root / "pictures" / name / f"{number}.png")
    trained = run("train", "classifier", root / "pictures", "-o", root / "tones.safetensors", *SMALL)
    assert trained.exit_code == 0, trained.output
    assert trained.stdout == f"{root / 'tones.safetensors'}\n"
    assert trained.stderr.startswith("100.0% of 2 held out pictures of 2 classes named rightly, seen through pocket after epoch ")
    return root / "tones.safetensors", root / "pictures"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def complaint(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    return result.stderr


class TestTrainClassifier:
    def test_defaults_are_the_librarys(self):
        library = {name: parameter.default for name, parameter in signature(classifier_training.train).parameters.items()}
        offered = command.make_context("classifier", ["folder", "-o", "out"]).params
        assert set(offered) - {"quiet"} == set(library) - {"callback", "fetching"}
        for name in set(offered) - {"quiet", "folder", "output", "unfreeze"}:
            assert offered[name] == library[name], name

    def test_layers(self, model, monkeypatch):
        asked = {}
        ended = Trained(3, 2, False, "pocket", ("a", "b"), np.array([[2, 1], [0, 1]]))
        monkeypatch.setattr(classifier_training, "train", lambda *_, **options: asked.update(options) or ended)
        stopped = run("train", "classifier", model[1], "-o", "out.safetensors", "--unfreeze", "conv4_1, conv5_1")
        assert asked["unfreeze"] == ("conv4_1", "conv5_1")
        assert stopped.exit_code == 130
        assert "75.0% of 4 held out pictures" in stopped.stderr
        assert "Stopped; the best model so far is in out.safetensors" in stopped.stderr

    def test_bad_folders(self, tmp_path):
        (tmp_path / "one" / "cats").mkdir(parents=True)
        assert "only the class cats" in complaint("train", "classifier", "one", "-o", "out.safetensors", *SMALL)
        (tmp_path / "one" / "dogs").mkdir()
        assert "holds none of the pictures" in complaint("train", "classifier", "one", "-o", "out.safetensors", *SMALL)
        (tmp_path / "flat").mkdir()
        assert "holds no subfolders" in complaint("train", "classifier", "flat", "-o", "out.safetensors", *SMALL)
        for name in ("cats", "dogs"):
            for number in range(3):
                Image.new("RGB", (9, 9)).save(tmp_path / "one" / name / f"{number}.png")
        (tmp_path / "one" / "cats" / "1.png").write_bytes(b"nothing")
        assert "1.png" in complaint("train", "classifier", "one", "-o", "out.safetensors", *SMALL)


class TestClassify:
    def test_lines(self, model):
        said = run("classify", model[1] / "dark" / "0.png", model[1] / "light", "--model", model[0], "--top", 1, "--device", "cpu")
        assert said.exit_code == 0, said.output
        lines = said.stdout.splitlines()
        assert len(lines) == 7
        assert lines[0].startswith(f"{model[1] / 'dark' / '0.png'}: dark ")
        assert all(": light " in line and line.endswith("%") for line in lines[1:])

    def test_json(self, model):
        said = json.loads(run("classify", "coffee", "--model", model[0], "--json").stdout)
        assert said[0]["picture"] == str(examples.path("coffee"))
        assert set(said[0]["probabilities"]) == {"dark", "light"}
        assert sum(said[0]["probabilities"].values()) == pytest.approx(1)

    def test_labelled(self, model):
        said = run("classify", model[1], "--model", model[0], "--labelled", "--confusion", "matrix.png")
        assert said.stdout == "100.0% of 12 pictures named rightly\n"
        with Image.open("matrix.png") as drawn:
            assert drawn.format == "PNG"
        found = json.loads(run("classify", model[1], "--model", model[0], "--labelled", "--json").stdout)
        assert found == {"accuracy": 1.0, "pictures": 12, "classes": ["dark", "light"], "confusion": [[6, 0], [0, 6]]}

    def test_complaints(self, model, tmp_path):
        assert "nosuch.png doesn't exist" in complaint("classify", "nosuch.png", "--model", model[0])
        assert "none.safetensors can't be read" in complaint("classify", "coffee", "--model", "none.safetensors")
        assert "--labelled takes one folder" in complaint("classify", "coffee", "chelsea", "--model", model[0], "--labelled")
        assert "say --labelled" in complaint("classify", "coffee", "--model", model[0], "--confusion", "matrix.png")
        (tmp_path / "others" / "cats").mkdir(parents=True)
        assert "has a class cats, and the model knows dark, light" in complaint("classify", "others", "--model", model[0], "--labelled")
        (tmp_path / "broken.png").write_bytes(b"nothing")
        assert "broken.png" in complaint("classify", "broken.png", "--model", model[0])
        assert "kind classifier" in complaint("stylize", "coffee", "--model", model[0], "-o", "out.png")


@pytest.fixture
def results(tmp_path):
    """Paintings of two contents in one style: one is the content, the other the content in grey."""
    (tmp_path / "results").mkdir()
    for name, mode in (("coffee", "RGB"), ("chelsea", "L")):
        pixels = picture.to_pil(picture.scale(picture.read(examples.path(name)).picture, 64))
        pixels.convert(mode).save(tmp_path / "results" / f"{name}-waves.png")
    return tmp_path / "results"


class TestEvaluate:
    TWO = ("--contents", "coffee", "--contents", "chelsea", "--styles", "waves", "--size", 64, "--device", "cpu")

    def test_defaults_are_the_librarys(self):
        library = {name: parameter.default for name, parameter in signature(Critic.__init__).parameters.items()}
        offered = evaluate.make_context("evaluate", ["result.png", "--content", "coffee", "--style", "waves"]).params
        for name in set(library) - {"self", "fetching"}:
            assert offered[name] == library[name], name

    def test_paintings(self, results):
        said = run(
            "evaluate",
            "results",
            *self.TWO,
            "--paintings",
            "--sort",
            "ssim",
            "-o",
            "out.html",
            "-o",
            "out.csv",
            "-o",
            "out.json",
            "-o",
            "out.png",
        )
        assert said.exit_code == 0, said.output
        assert said.stdout.index("coffee-waves") < said.stdout.index("chelsea-waves") < said.stdout.index("out.html")
        with Path("out.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["result"] for row in rows] == ["results/chelsea-waves.png", "results/coffee-waves.png"]
        assert float(rows[1]["ssim"]) > 0.97
        assert len(json.loads(Path("out.json").read_text())["paintings"]) == 2
        assert "<html" in Path("out.html").read_text()
        with Image.open("out.png") as drawn:
            assert drawn.format == "PNG"

    def test_one_painting(self, results):
        arguments = ("evaluate", results / "coffee-waves.png", "--content", "coffee", "--style", "waves", "--size", 64)
        said = run(*arguments, "-o", "out.html", "-o", "out.png")
        assert said.exit_code == 0, said.output
        assert "SSIM" in said.stdout
        assert "<html" in Path("out.html").read_text()
        with Image.open("out.png") as drawn:
            assert drawn.format == "PNG"

    def test_a_classifier(self, results, model):
        said = run("evaluate", "results", *self.TWO, "--classifier", model[0], "--artist", "light", "-o", "out.csv")
        assert said.exit_code == 0, said.output
        with Path("out.csv").open(newline="") as stream:
            assert {row["taken_for"] for row in csv.DictReader(stream)} <= {"dark", "light"}
        assert "knows no class waves" in complaint("evaluate", "results", *self.TWO, "--classifier", model[0])

    @pytest.mark.slow
    def test_methods(self):
        arguments = ("evaluate", "--methods", "arbitrary,quilting", *self.TWO, "--to", "grid")
        said = run(*arguments)
        assert said.exit_code == 0, said.output
        assert said.stdout.endswith("grid/report.html\ngrid/report.csv\ngrid/report.json\ngrid/report.png\n")
        found = json.loads(Path("grid/report.json").read_text())
        assert list(found["summary"]) == ["arbitrary", "quilting"]
        assert len(found["paintings"]) == 4
        before = {one["result"]: (one["scores"], Path(one["result"]).read_bytes()) for one in found["paintings"]}
        assert run(*arguments).exit_code == 0
        after = {
            one["result"]: (one["scores"], Path(one["result"]).read_bytes())
            for one in json.loads(Path("grid/report.json").read_text())["paintings"]
        }
        assert after == before
        assert "another size" in complaint(*arguments, "--size", 32)

    def test_stopped(self, monkeypatch):
        monkeypatch.setattr("impasto.evaluate.grid.grid", lambda *_, **__: ([], True))
        said = run("evaluate", "--methods", "arbitrary", *self.TWO)
        assert (said.exit_code, said.stdout) == (130, "")
        assert said.stderr == "Stopped after 0 paintings; the same command goes on from there\n"

    def test_complaints(self, results):
        assert "name either" in complaint("evaluate", *self.TWO)
        assert "name either" in complaint("evaluate", "results", *self.TWO, "--methods", "arbitrary")
        assert "--to goes with --methods" in complaint("evaluate", "results", *self.TWO, "--to", "folder")
        assert "--full goes with --methods" in complaint("evaluate", "results", *self.TWO, "--full")
        assert "no kind of report" in complaint("evaluate", "results", *self.TWO, "-o", "out.pdf")
        assert "unknown measure beauty" in complaint("evaluate", "results", *self.TWO, "--sort", "beauty")
        assert "unknown method nosuch" in complaint("evaluate", "--methods", "nosuch", *self.TWO)
        assert "--contents" in complaint("evaluate", "results", "--styles", "waves")
        assert "can't be sorted by deception" in complaint("evaluate", "results", *self.TWO, "--sort", "deception")
        assert "of other proportions" in complaint("evaluate", results / "coffee-waves.png", "--content", "astronaut", "--style", "waves")
        (results / "chelsea-waves.png").write_bytes(b"nothing")
        assert "chelsea-waves.png" in complaint("evaluate", "results", *self.TWO)


def test_bars(monkeypatch, capsys):
    """What there is to count, and each stage of a training, has a bar of its own."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Bar(quiet=False) as bar:
        bar.counted("paintings", 3, 12)
        bar.close()
        bar.trained(16, 64, {}, 9.5, "looking")
        bar.close()
        bar.trained(32, 640, {"validation loss": 0.25}, 7.0)
    said = capsys.readouterr().err
    for text in ("paintings", "3/12", "looking", "16/64", "9.5 pictures/s", "training", "32/640", "validation loss 0.25"):
        assert text in said
