"""Scoring paintings that are there, and grids that are painted first."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import encoders, examples, picture
from impasto import styles as packaged
from impasto.encoders.tensors import resize, scale, tensor
from impasto.errors import EncoderError, Interrupted, ModelError, OptionError, PictureError
from impasto.evaluate import classifier, measures
from impasto.evaluate.classifier import Architecture, Classifier
from impasto.evaluate.grid import grid
from impasto.evaluate.scoring import Critic, match, painted, photographs, score
from impasto.family import Progress

CPU = torch.device("cpu")
OURS = ["style", "sifid", "colour", "grain", "content", "ssim", "edges"]


def small(name, longest=64):
    file = examples.path(name) if name in examples.EXAMPLES else packaged.path(name)
    return picture.to_pil(picture.scale(picture.read(file).picture, longest))


@pytest.fixture
def places(tmp_path):
    """Two contents, and two styles in folders that are called after artists."""
    for name in ("coffee", "chelsea"):
        (tmp_path / "contents").mkdir(exist_ok=True)
        small(name).save(tmp_path / "contents" / f"{name}.png")
    for artist, name in (("hokusai", "waves"), ("seurat", "pointillism")):
        (tmp_path / "styles" / artist).mkdir(parents=True)
        small(name).save(tmp_path / "styles" / artist / f"{name}.png")
    return tmp_path


@pytest.fixture
def art(tmp_path):
    """A classifier file that takes every picture for a seurat."""
    network = Classifier(
        Architecture("pocket", "relu5_1", 160, ("hokusai", "seurat"), 32), encoders.load("pocket", None, CPU, torch.float32).encoder
    )
    with torch.no_grad():
        network.head[4].bias.copy_(torch.tensor([0.0, 99.0]))
    checksum = encoders.load("pocket", None, CPU, torch.float32).checksum
    classifier.write(network, tmp_path / "art.safetensors", {"encoder_sha256": checksum})
    return tmp_path / "art.safetensors"


@pytest.fixture(scope="module")
def critic():
    return Critic(size=64, device="cpu")


def named(folder):
    return [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*.png"))]


class TestFinding:
    def test_by_their_names(self, places):
        results = places / "results"
        (results / "gatys2016").mkdir(parents=True)
        small("coffee").save(results / "gatys2016" / "coffee-waves.png")
        small("coffee").save(results / "chelsea-pointillism.png")
        small("coffee").save(results / "sheet.png")
        contents, styles = photographs([places / "contents"]), painted([places / "styles"])
        assert [file.stem for file in contents] == ["chelsea", "coffee"]
        with pytest.warns(UserWarning, match=r"sheet\.png is called after no content and style, and was left out"):
            found = match([results], contents, styles)
        assert [(one.method, one.content.stem, one.style.stem) for one in found] == [
            ("", "chelsea", "pointillism"),
            ("gatys2016", "coffee", "waves"),
        ]
        with pytest.raises(PictureError, match=r"sheet\.png is not called CONTENT-STYLE"):
            match([results / "sheet.png"], contents, styles)

    def test_one_pair_needs_no_names(self, places):
        small("coffee").save(places / "anything.png")
        (found,) = match([places / "anything.png"], photographs(["coffee"]), painted(["waves"]))
        assert (found.content, found.style, found.method) == (examples.path("coffee"), packaged.path("waves"), "")

    def test_settings_say_the_method(self, places):
        picture.save(np.zeros((8, 8, 3)), places / "anything.png", settings={"method": "keras"})
        assert match([places / "anything.png"], photographs(["coffee"]), painted(["waves"]))[0].method == "keras"

    def test_no_pictures(self, tmp_path):
        with pytest.raises(PictureError, match="holds no pictures"):
            photographs([tmp_path])
        with pytest.raises(OptionError, match="nothing packaged by that name"):
            painted(["nosuch"])


class TestCritic:
    def test_scores(self, places, critic):
        """The figures of its measures, of pictures brought to one size."""
        result = small("coffee", 96)
        result.save(places / "result.png")
        ((scored,), _) = score([places / "result.png"], [examples.path("coffee")], ["waves"], critic)
        assert list(scored.scores) == OURS
        files = {"result": places / "result.png", "style": packaged.path("waves")}
        pixels = {name: tensor(picture.read(file).picture) for name, file in files.items()}
        size = picture.fit(result.size, 64)
        content = resize(tensor(picture.read(examples.path("coffee")).picture), size)
        assert scored.scores["ssim"] == measures.ssim(resize(pixels["result"], size), content)
        assert scored.scores["colour"] == measures.colour_distance(resize(pixels["result"], size), scale(pixels["style"], 64))
        assert scored.scores["ssim"] > 0.9
        assert scored.taken_for == ""

    def test_a_copy_of_the_content_and_of_the_style(self, places, critic):
        content = places / "contents" / "coffee.png"
        ((scored,), _) = score([content], [content], [content], critic)
        for name, value in scored.scores.items():
            assert value == pytest.approx(measures.MEASURES[name].ideal, abs=1e-5), name

    @pytest.mark.parametrize(("size", "fits"), [((64, 43), True), ((64, 42), True), ((96, 64), True), ((64, 64), False), ((43, 64), False)])
    def test_proportions(self, size, fits, places, critic):
        """A painting has its content's proportions, to a pixel, at whatever size."""
        assert small("coffee").size == (64, 43)
        small("coffee").resize(size).save(places / "result.png")
        arguments = ([places / "result.png"], [places / "contents" / "coffee.png"], ["waves"], critic)
        if fits:
            assert len(score(*arguments)[0]) == 1
        else:
            with pytest.raises(PictureError, match=rf"is {size[0]} x {size[1]} pixels, and .*coffee\.png is 64 x 43, of other proportions"):
                score(*arguments)

    def test_deception(self, places, art):
        """How often the classifier names the style's own artist, who is told by the style's folder."""
        results = places / "results"
        results.mkdir()
        for style in ("waves", "pointillism"):
            small("coffee").save(results / f"coffee-{style}.png")
        critic = Critic(size=64, classifier=art, device="cpu")
        scored, _ = score([results], [places / "contents"], [places / "styles"], critic)
        assert {one.style.stem: (one.scores["deception"], one.taken_for) for one in scored} == {
            "waves": (0.0, "seurat"),
            "pointillism": (1.0, "seurat"),
        }
        every, _ = score(
            [results], [places / "contents"], [places / "styles"], Critic(size=64, classifier=art, artist="seurat", device="cpu")
        )
        assert [one.scores["deception"] for one in every] == [1.0, 1.0]

    def test_a_model_for_other_classes(self, places, art):
        small("coffee").save(places / "result.png")
        with pytest.raises(OptionError, match="knows no class waves, only hokusai, seurat"):
            score([places / "result.png"], ["coffee"], ["waves"], Critic(size=64, classifier=art, device="cpu"))
        with pytest.raises(OptionError, match="knows no class monet"):
            Critic(classifier=art, artist="monet", device="cpu")

    def test_impossible_options(self, art):
        for options in ({"size": -1}, {"device": "abacus"}, {"encoder": "nosuch"}, {"artist": "seurat"}):
            with pytest.raises(OptionError):
                Critic(**options)
        with pytest.raises(ModelError):
            Critic(classifier=art.with_name("none.safetensors"))
        with pytest.raises(EncoderError):
            Critic(encoder_weights=art.with_name("none.safetensors"))

    def test_ctrl_c_keeps_what_is_scored(self, places, critic):
        (places / "results").mkdir()
        for name in ("coffee", "chelsea"):
            small(name).save(places / "results" / f"{name}-waves.png")

        def stop(done, count):
            raise KeyboardInterrupt

        scored, stopped = score([places / "results"], [places / "contents"], ["waves"], critic, callback=stop)
        assert ([one.content.stem for one in scored], stopped) == (["chelsea"], True)

    def test_unreadable(self, places, critic):
        (places / "result.png").write_bytes(b"nothing")
        with pytest.raises(PictureError):
            score([places / "result.png"], ["coffee"], ["waves"], critic)


class Painting:
    """Stands in for ``stylize``: paints the content in one colour per method, and counts."""

    def __init__(self):
        self.painted, self.fail, self.stop_at = [], {}, None

    def __call__(self, content, style, *, method, output, callback, **options):
        if method in self.fail:
            raise self.fail[method]
        self.painted.append((method, content.stem, style.stem))
        canvas = picture.read(content).picture * (0.9 if method == "arbitrary" else 0.5)
        callback(Progress(1, 1, 0, 1, (64, 43), 2.5, 0.0, {}, lambda: tensor(canvas)))
        stopped = len(self.painted) == self.stop_at
        picture.save(canvas, output, settings={"method": method})
        if stopped:
            raise Interrupted(picture.to_pil(canvas), 1, output)
        return picture.to_pil(canvas)


@pytest.fixture
def painting(monkeypatch):
    painting = Painting()
    monkeypatch.setattr("impasto.evaluate.series.stylize", painting)
    return painting


class TestGrid:
    METHODS = ("arbitrary", "impasto")

    def paint(self, places, critic, **options):
        return grid(
            options.pop("methods", self.METHODS),
            [places / "contents"],
            [places / "styles"],
            places / "grid",
            critic,
            **{"size": 64, **options},
        )

    def test_everything_is_painted_and_scored(self, places, painting, critic):
        told = []
        scored, stopped = self.paint(places, critic, callback=lambda progress, turn: told.append((turn.index, turn.count)))
        assert not stopped
        assert told == [(n, 8) for n in range(8)]
        assert [(one.method, one.content.stem, one.style.stem) for one in scored] == painting.painted
        assert len(set(painting.painted)) == 8
        assert named(places / "grid") == sorted(f"{m}/{c}-{s}.png" for m, c, s in painting.painted)
        assert all(list(one.scores) == [*OURS, "seconds"] and one.scores["seconds"] == 2.5 for one in scored)
        assert {one.method: one.scores["ssim"] > 0.97 for one in scored} == {"arbitrary": True, "impasto": False}

    def test_it_goes_on_where_it_stopped(self, places, painting, critic):
        painting.stop_at = 4
        first, stopped = self.paint(places, critic)
        assert (len(first), stopped) == (3, True)
        assert len(named(places / "grid")) == 3  # the canvas that was stopped is no painting
        with (places / "grid" / "scores.jsonl").open("a") as stream:
            stream.write('{"file": "impasto/cof')  # a line that a crash cut off
        second, stopped = self.paint(places, critic)
        assert (len(second), stopped) == (8, False)
        assert second[:3] == first
        assert len(painting.painted) == 9
        assert len(set(painting.painted)) == 8

    def test_nothing_is_done_twice(self, places, painting, critic, monkeypatch):
        first, _ = self.paint(places, critic)
        monkeypatch.setattr(Critic, "__call__", None)
        again, _ = self.paint(places, critic)
        assert again == first
        assert len(painting.painted) == 8

    def test_what_changed_is_scored_again(self, places, painting, critic, art):
        before, _ = self.paint(places, critic)
        Image.fromarray(np.zeros((43, 64, 3), np.uint8)).save(places / "grid" / "impasto" / "coffee-waves.png")
        after, _ = self.paint(places, critic)
        changed = [one.result.name for one, other in zip(after, before, strict=True) if one.scores != other.scores]
        assert changed == ["coffee-waves.png"]
        judged, _ = self.paint(places, Critic(size=64, classifier=art, device="cpu"))
        assert {one.style.stem: one.scores["deception"] for one in judged} == {"waves": 0.0, "pointillism": 1.0}
        assert all(one.scores["seconds"] == 2.5 for one in judged)
        assert len(painting.painted) == 8

    def test_other_settings(self, places, painting, critic):
        self.paint(places, critic)
        with pytest.raises(OptionError, match="holds paintings of another size; give what it was, or another folder"):
            self.paint(places, critic, size=32)
        assert json.loads((places / "grid" / "settings.json").read_text()) == {"encoder": "pocket", "fast": True, "size": 64}

    def test_a_method_that_fails_is_left_out(self, places, painting, critic):
        painting.fail = {"impasto": EncoderError("no weights; fetch some")}
        with pytest.warns(UserWarning, match=r"impasto can't paint chelsea-waves: no weights; fetch some"):
            scored, _ = self.paint(places, critic)
        assert {one.method for one in scored} == {"arbitrary"}
        with pytest.warns(UserWarning, match="impasto"), pytest.raises(EncoderError):
            self.paint(places, critic, methods=("impasto",))

    def test_bad_input(self, places, painting, critic):
        with pytest.raises(OptionError, match="unknown method nosuch"):
            self.paint(places, critic, methods=("nosuch",))
        painting.fail = {"impasto": PictureError("broken")}
        with pytest.raises(PictureError, match="broken"):
            self.paint(places, critic, methods=("impasto",))
        small("coffee").save(places / "contents" / "coffee.jpg")
        with pytest.raises(OptionError, match="would have paintings of the same name"):
            self.paint(places, critic)

    def test_real_paintings(self, places, critic):
        """Both kinds of method, each with the options that it has a use for."""
        scored, _ = grid(("arbitrary", "strokes"), [places / "contents" / "coffee.png"], ["starry"], places / "grid", critic, size=64)
        assert [one.method for one in scored] == ["arbitrary", "strokes"]
        assert all(one.scores["seconds"] > 0 and 0 < one.scores["style"] < 4 for one in scored)
