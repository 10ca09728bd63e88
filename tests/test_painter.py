"""A painter: prepared once, it paints many pictures, each as ``stylize`` would."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import encoders, packaged, picture
from impasto.errors import OptionError, OutputError, SpaceError
from impasto.feedforward import models
from impasto.feedforward.onepass import AnyStyle
from impasto.losses import Gram
from impasto.optimise import painter as optimising


def noise(height, width, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


STYLE, OTHER = noise(40, 30, 1), noise(33, 44, 2)
CONTENTS = [noise(36, 48, 3), noise(48, 36, 4), noise(30, 60, 5)]
WAYS = {
    "impasto": {"size": 48, "steps": 4},
    "tutorial": {"size": 40, "steps": 3, "encoder": "pocket"},
    "arbitrary": {"size": 64},
    "strokes": {"size": 60},
    "quilting": {"size": 40, "style_size": 40},
}


def same(one, two):
    return one.mode == two.mode and one.size == two.size and one.tobytes() == two.tobytes()


@pytest.mark.parametrize("method", WAYS)
def test_paints_what_stylize_paints(method, tmp_path):
    """To the byte of the file, and whatever it painted before."""
    painter = impasto.Painter(STYLE, method=method, **WAYS[method])
    for index, content in enumerate([*CONTENTS, CONTENTS[0]]):
        ours, expected = tmp_path / f"{index}.png", tmp_path / f"{index}-expected.png"
        painted = painter(content, ours)
        assert same(painted, impasto.stylize(content, STYLE, expected, method=method, **WAYS[method]))
        assert ours.read_bytes() == expected.read_bytes()


def test_of_several_styles(tmp_path):
    painter = impasto.Painter([STYLE, OTHER], blend=[1, 3], size=40, steps=3)
    for content in CONTENTS:
        assert same(painter(content), impasto.stylize(content, [STYLE, OTHER], blend=[1, 3], size=40, steps=3))


def test_without_a_content():
    painter = impasto.Painter(STYLE, method="texture2015", encoder="pocket", size=(30, 20), steps=3)
    assert same(painter(), painter())
    assert painter().size == (30, 20)
    with pytest.raises(OptionError, match="texture2015 takes no content"):
        painter(CONTENTS[0])


def closed():
    stream = io.BytesIO()
    stream.close()
    return stream


def counted(monkeypatch, owner, name):
    """How often a function is called from now on."""
    calls, function = [], getattr(owner, name)

    def counting(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_optimisation_is_prepared_once(monkeypatch):
    """The network is loaded, the style read, and what it is aimed at computed, once for pictures of one size."""
    loads, reads, targets = (counted(monkeypatch, owner, name) for owner, name in ((encoders, "load"), (picture, "read"), (Gram, "target")))
    painter = impasto.Painter(STYLE, size=100, steps=8)
    assert len(loads) == 1
    painter(CONTENTS[0])
    levels = len(targets)
    assert levels > 1
    painter(CONTENTS[0] // 2)
    painter(CONTENTS[1])  # upright: the style, which has a shape of its own, is as large as before
    assert len(targets) == levels
    assert len(loads) == 1
    assert sum(one is STYLE for one, *_ in reads) == 1


def test_targets_of_another_size_take_the_place_of_those_before():
    painter = impasto.Painter(STYLE, size=0, steps=3, method="tutorial", encoder="pocket")
    for content in CONTENTS:
        painter(content)
        assert len(painter._prepared.targets._before) == 1


def test_one_pass_is_prepared_once(monkeypatch):
    reads, looks = (counted(monkeypatch, owner, name) for owner, name in ((models, "held"), (AnyStyle, "__init__")))
    painter = impasto.Painter(STYLE, method="arbitrary", size=48)
    for content in CONTENTS:
        painter(content)
    assert (len(reads), len(looks)) == (1, 1)


def test_threads_share_a_painter():
    painter = impasto.Painter(STYLE, size=48, steps=6)
    expected = [painter(content) for content in CONTENTS]
    painted = [None] * 6

    def paint(index):
        painted[index] = painter(CONTENTS[index % 3])

    threads = [threading.Thread(target=paint, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(one, expected[index % 3]) for index, one in enumerate(painted))


def test_a_callback_cannot_paint_with_its_own_painter():
    painter = impasto.Painter(STYLE, size=32, steps=2)
    with pytest.raises(OptionError, match="a painter of its own"):
        painter(CONTENTS[0], callback=lambda _: painter(CONTENTS[1]))
    assert painter(CONTENTS[0]).size == (32, 24)  # and goes on


def test_crop():
    wide = CONTENTS[2]
    painted = impasto.stylize(wide, OTHER, crop="square", size=0, steps=3)
    assert painted.size == (30, 30)
    assert same(painted, impasto.stylize(wide[:, 15:45].copy(), OTHER[:, 5:38].copy(), size=0, steps=3))
    mask = np.zeros((30, 60), np.uint8)
    assert impasto.stylize(wide, None, method="regions", focus=mask, crop="square", size=0).size == (30, 30)


# What is refused


def test_nothing_that_is_read_is_written_over(tmp_path, monkeypatch):
    for name, values in (("content", CONTENTS[0]), ("style", STYLE), ("start", OTHER)):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "content.png")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def refused(**options):
        asked = {"size": 32, "steps": 1, **options}
        with pytest.raises(OutputError, match="is one of the pictures that are read"):
            impasto.stylize(tmp_path / "content.png", str(tmp_path / "style.png"), callback=pytest.fail, **asked)

    for name in ("content", "style", "link"):
        refused(output=tmp_path / f"{name}.png")
    refused(output=tmp_path / "start.png", start=tmp_path / "start.png")
    refused(output=tmp_path / "out.png", log=tmp_path / "style.png")
    monkeypatch.setattr(packaged.examples, "path", lambda _: tmp_path / "content.png")
    for source in ("chelsea", Image.open(tmp_path / "content.png")):
        with pytest.raises(OutputError, match="is one of the pictures that are read"):
            impasto.stylize(source, STYLE, tmp_path / "content.png", size=32, steps=1)
    Image.fromarray(OTHER).save(tmp_path / "out-0001.png")
    before[tmp_path / "out-0001.png"] = (tmp_path / "out-0001.png").read_bytes()
    with pytest.raises(OutputError, match="a preview could take the place"):
        impasto.stylize(tmp_path / "out-0001.png", STYLE, tmp_path / "out.jpg", preview=1, size=32, steps=1)
    refused(output=tmp_path / "out.png", log=tmp_path / "." / ".." / tmp_path.name / "content.png")
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_pictures_without_a_use_are_refused():
    with pytest.raises(OptionError, match="kuwahara takes no style"):
        impasto.Painter(STYLE, method="kuwahara")
    with pytest.raises(OptionError, match="strokes takes one style; 2 are given"):
        impasto.Painter([STYLE, OTHER], method="strokes")
    with pytest.raises(OptionError, match="impasto needs a style"):
        impasto.Painter()
    with pytest.raises(OptionError, match="impasto needs a content"):
        impasto.Painter(STYLE)()


def test_options_of_the_painter_are_not_those_of_a_painting():
    painter = impasto.Painter(STYLE, size=32, steps=1)
    for options in ({"size": 50}, {"bits": 16}, {"method": "strokes"}, {"seed": 3}):
        with pytest.raises(OptionError, match="is the painter's"):
            painter(CONTENTS[0], callback=pytest.fail, **options)


@pytest.mark.parametrize(
    ("method", "sources", "lacking"), [("texture2015", (None, STYLE), "content"), ("inversion2015", (STYLE, None), "style")]
)
def test_a_start_that_the_method_cannot_have(method, sources, lacking):
    with pytest.raises(OptionError, match=f"start arbitrary is impossible for {method}, which has no {lacking}"):
        impasto.stylize(*sources, method=method, encoder="pocket", start="arbitrary", size=32, steps=1)


@pytest.mark.parametrize("output", [b"out.png", 3, ["out.png"], io.StringIO(), closed()])
def test_outputs_that_take_no_bytes(output):
    with pytest.raises(OutputError, match="takes no bytes"):
        impasto.stylize(CONTENTS[0], STYLE, output, size=32, steps=1, callback=pytest.fail)


class Slow(io.RawIOBase):
    """Takes little at a time, and in the end nothing more."""

    def __init__(self, most):
        self.taken, self.most = b"", most

    def write(self, content):
        part = bytes(content[: min(100, self.most - len(self.taken))])
        self.taken += part
        return len(part)


def test_a_stream_gets_all_of_it_or_that_is_said():
    whole, painter = io.BytesIO(), impasto.Painter(None, method="kuwahara", size=32)
    painter(CONTENTS[0], whole)
    slow = Slow(10**6)
    painter(CONTENTS[0], slow)
    assert slow.taken == whole.getvalue()
    with pytest.raises(OutputError, match="takes no more") as caught:
        painter(CONTENTS[0], Slow(300))
    kept = Path(str(caught.value).rpartition(" ")[2])
    assert Image.open(kept).size == (32, 24)
    kept.unlink()


def test_one_file_for_two(tmp_path):
    for options in ({"timelapse": tmp_path / "a.gif", "output": tmp_path / "a.gif", "format": "png"}, {"log": "x.png", "output": "x.png"}):
        with pytest.raises(OutputError):
            impasto.stylize(CONTENTS[0], STYLE, size=32, steps=1, callback=pytest.fail, **options)


def test_like_with_another_method(tmp_path):
    """What only the other method offers isn't carried over."""
    impasto.stylize(CONTENTS[0], None, tmp_path / "one.png", method="strokes", preset="pencil", size=32, seed=4)
    painted = impasto.stylize(CONTENTS[0], None, method="regions", like=tmp_path / "one.png")
    assert same(painted, impasto.stylize(CONTENTS[0], None, method="regions", size=32, seed=4))


def test_masks_fit_before_they_are_cropped():
    with pytest.raises(OptionError, match="must be of one size"):
        impasto.stylize(CONTENTS[0], None, method="regions", focus=np.zeros((90, 36), np.uint8), crop="square", size=32)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")])
def test_no_memory(monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(optimising, "optimise", full)
    with pytest.raises(SpaceError, match=r"enough memory.*smaller size or style_size") as caught:
        impasto.stylize(CONTENTS[0], STYLE, size=32)
    assert len(str(caught.value).splitlines()) == 1


def test_another_fault_is_not_taken_for_that(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(optimising, "optimise", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        impasto.stylize(CONTENTS[0], STYLE, size=32)


# Processes of their own


def alone(code, folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(impasto.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_painting_by_hand_needs_no_torch(tmp_path):
    Image.fromarray(CONTENTS[0]).save(tmp_path / "content.png")
    shown = alone(
        "import sys, impasto\nimpasto.stylize('content.png', 'starry', 'out.png', method='strokes', size=40, timelapse='out.gif')\n"
        "impasto.stylize('content.png', None, 'out.svg', method='strokes', size=40)\n"
        "impasto.stylize('content.png', None, 'out.jpg', method='kuwahara', size=40)\n"
        "print(sorted({'torch', 'onnxruntime'} & set(sys.modules)))",
        tmp_path,
    )
    assert (shown.stdout, shown.stderr) == ("[]\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process as Linux does")
@pytest.mark.slow
def test_a_process_that_runs_out_of_memory_says_so(tmp_path):
    Image.fromarray(CONTENTS[0]).save(tmp_path / "content.png")
    shown = alone(
        "import resource, impasto\nimpasto.stylize('content.png', 'starry', size=32, steps=1)\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 300_000_000,) * 2)\n"
        "try: impasto.stylize('content.png', 'starry', size=3000, steps=1)\n"
        "except impasto.ImpastoError as error: print(type(error).__name__)",
        tmp_path,
    )
    assert shown.stdout == "SpaceError\n", shown.stderr


def test_random_state_and_threads_are_left_alone():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    impasto.Painter(STYLE, size=32, steps=1, start="noise")(CONTENTS[0])
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
