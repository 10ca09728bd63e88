"""The command line: every mistake is one line and exit code 2, and what works says where it put the painting."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import impasto
from impasto import encoders, picture
from impasto.cli import main
from impasto.examples import EXAMPLES, path
from impasto.methods import ALL, RENDERINGS
from impasto.styles import STYLES

QUICK = ("--size", "40", "--steps", "2")
COMMAND = (sys.executable, "-c", "from impasto.cli import main; main(prog_name='impasto')")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def stylize(*arguments):
    return run("stylize", "chelsea", "starry", *QUICK, *arguments)


def complaint(result):
    """The one line on stderr of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit | None)
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    assert "Traceback" not in result.stderr
    return result.stderr


def process(*arguments, **options):
    """The command in a process of its own, as a shell would start it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, and the current one."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return empty


@pytest.fixture
def bad(tmp_path):
    """Files that are no pictures, by what is wrong with them."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    files = {name: tmp_path / name for name in ("bomb.png", "truncated.jpg", "empty.png", "text.jpg", "missing.jpg", "folder.png")}
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    files["bomb.png"].write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(values).save(files["truncated.jpg"])
    files["truncated.jpg"].write_bytes(files["truncated.jpg"].read_bytes()[:2000])
    files["empty.png"].touch()
    files["text.jpg"].write_text("This is no picture.\nNot at all.\n")
    files["folder.png"].mkdir()
    return files


# What works


def test_stylize(folder):
    result = stylize("-o", "out.png", "--content-weight", "0.2", "--log", "log.jsonl", "--preview", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "out.png\n"
    assert result.stderr == ""  # no bar where there is no terminal
    assert {file.name for file in folder.iterdir()} == {"out.png", "log.jsonl", "out-0001.png", "out-0002.png"}
    assert len((folder / "log.jsonl").read_text().splitlines()) == 2
    with Image.open("out.png") as painted:
        assert painted.size == (40, 27)
    assert picture.read_settings("out.png")["content_weight"] == 0.2


def test_options_reach_the_library(folder):
    weights = ("--tv-weight", "0.5", "--style-weight", "2")
    options = ("--solver", "adam", "--start", "noise", "--seed", "3", "--precision", "float32", "--device", "cpu", "--bits", "16")
    assert stylize("-o", "out.png", *weights, *options, "--encoder", "pocket", "--method", "impasto").exit_code == 0
    settings = picture.read_settings("out.png")
    expected = {"solver": "adam", "start": "noise", "seed": 3, "tv_weight": 0.5, "style_weight": 2.0, "precision": "float32", "bits": 16}
    assert expected.items() <= settings.items()
    library = impasto.stylize(
        "chelsea", "starry", size=40, steps=2, solver="adam", start="noise", seed=3, tv_weight=0.5, style_weight=2.0, precision="float32"
    )
    written = picture.to_pil(picture.read("out.png").picture)
    assert np.abs(np.asarray(written, np.int16) - np.asarray(library)).max() <= 1


@pytest.mark.parametrize("blend", [("--blend", "3", "7"), ("--blend", "3,7"), ("--blend=3,7",), ("--blend", "30", "70.0")])
def test_blend(folder, blend):
    """As many numbers as there are styles, after the option, wherever that stands."""
    expected = impasto.stylize("chelsea", ["starry", "knife"], blend=[3, 7], size=40, steps=2)
    for arguments in (("chelsea", "starry", "knife", *blend), (*blend, "chelsea", "starry", "knife")):
        assert run("stylize", *arguments, *QUICK, "-o", "out.png").exit_code == 0
        with Image.open("out.png") as saved:
            assert saved.tobytes() == expected.tobytes()


@pytest.mark.parametrize("blend", [("--blend", "3"), ("--blend", "1", "2", "3"), ("--blend",), ("--blend", "x"), ("--blend", "0", "0")])
def test_impossible_blends(folder, blend):
    complaint(run("stylize", "chelsea", "starry", "knife", "-o", "out.png", *blend))


def test_options_of_methods_reach_the_library(folder):
    arguments = ("--method", "tutorial", "--encoder", "pocket", "--style-layers", "relu1_1, relu3_1", "--trade-off", "0.001")
    assert stylize("-o", "out.png", *arguments, "--fast", "--balance", "gradients", "--pooling", "max").exit_code == 0
    settings = picture.read_settings("out.png")
    assert settings["style_layers"] == ["relu1_1", "relu3_1"]
    expected = {"method": "tutorial", "trade_off": 0.001, "fast": True, "balance": "gradients", "pooling": "max"}
    assert expected.items() <= settings.items()


def test_methods():
    listed = run("methods")
    assert listed.exit_code == 0
    for name, method in ALL.items():
        assert name in listed.stdout
        assert method.citation in listed.stdout
    for method in RENDERINGS.values():
        assert ", ".join(method.presets) in listed.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("chelsea", "--method", "strokes", "--preset", "pencil", "--brush", "2"),
        ("chelsea", "starry", "--method", "strokes"),
        ("chelsea", "--method", "regions", "--preset", "mosaic", "--detail", "0.8", "--focus", "{chelsea}"),
        ("chelsea", "--method", "regions-strokes"),
        ("chelsea", "--method", "kuwahara"),
        ("chelsea", "starry", "--method", "analogy", "--content-weight", "2"),
        pytest.param(
            ("chelsea", "--method", "analogy", "--pair", "coffee", "coffee", "--preset", "filter", "--coherence", "3"),
            marks=pytest.mark.slow,
        ),
        ("chelsea", "starry", "--method", "quilting", "--patch", "8"),
    ],
)
def test_without_a_network(folder, arguments):
    arguments = [argument.format(chelsea=path("chelsea")) for argument in arguments]
    painted = run("stylize", *arguments, "-o", "out.png", "--size", "40")
    assert (painted.exit_code, painted.stdout) == (0, "out.png\n")
    with Image.open("out.png") as opened:
        assert opened.size == (40, 27)


def test_strokes_as_svg_and_film(folder):
    painted = run("stylize", "chelsea", "--method", "strokes", "-o", "out.svg", "--timelapse", "out.gif", "--size", "40")
    assert painted.exit_code == 0
    assert (folder / "out.svg").read_text().startswith("<svg")
    with Image.open("out.gif") as film:
        assert film.n_frames > 100


def test_like(folder):
    assert stylize("-o", "one.png", "--start", "noise", "--seed", "9").exit_code == 0
    assert run("stylize", "chelsea", "starry", "-o", "two.png", "--like", "one.png").exit_code == 0
    assert (folder / "one.png").read_bytes() == (folder / "two.png").read_bytes()


@pytest.mark.parametrize("size", [(60, 1), (1, 60), (1, 1)])
def test_pictures_one_pixel_high(folder, size):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)).save("thin.png")
    assert run("stylize", "thin.png", "starry", "-o", "content.png", "--size", "0", "--steps", "2").exit_code == 0
    with Image.open("content.png") as painted:
        assert painted.size == size
    assert run("stylize", "chelsea", "thin.png", "-o", "style.png", *QUICK).exit_code == 0


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif", "bmp"])
def test_formats(folder, extension):
    assert stylize("-o", f"out.{extension}").exit_code == 0
    with Image.open(f"out.{extension}") as painted:
        assert painted.size == (40, 27)


def test_styles():
    result = run("styles")
    assert result.exit_code == 0
    for name, description in STYLES.items():
        assert f"{name}  {description}" in result.stdout
    assert all(name in result.stdout for name in EXAMPLES)
    assert "▀" not in result.stdout  # no thumbnails where there is no terminal


def test_sheet(folder):
    result = run("styles", "--sheet", "sheet.png")
    assert (result.exit_code, result.stdout) == (0, "sheet.png\n")
    with Image.open("sheet.png") as sheet:
        values = np.asarray(sheet.convert("RGB"), np.float32)
    # A row of four for every four styles, each with a picture in it.
    assert values.shape[1] == 4 * 336 + 16
    for index in range(len(STYLES)):
        x, y = 16 + index % 4 * 336, 16 + index // 4 * 370
        assert values[y : y + 320, x : x + 320].std() > 20
    assert "no extension" in complaint(run("styles", "--sheet", "sheet.xyz"))


def test_version():
    assert run("--version").output == f"impasto {impasto.__version__}\n"


@pytest.mark.parametrize(
    "command",
    [(), *((name,) for name in ("stylize", "styles", "methods", "options", "compare", "figure", "sheet", "texture", "invert", "weights"))],
)
def test_help(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert run(*command, "-h").stdout == result.stdout


@pytest.mark.parametrize(
    "command", [["--help"], ["stylize", "--method", "strokes", "--help"], ["stylize", "--help"], ["--version"], ["styles"], ["options"]]
)
def test_needs_no_torch(command):
    """Whoever wants the help text doesn't wait a second for torch."""
    code = (
        "import sys\nfrom impasto.cli import main\n"
        f"heavy = {{'torch', 'skimage', 'scipy', 'numba', 'av'}}\n"
        f"try: main({command!r})\nfinally: print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == "[]\n"
    assert result.stdout


# What doesn't


@pytest.mark.parametrize("which", ["content", "style", "start"])
@pytest.mark.parametrize("name", ["bomb.png", "truncated.jpg", "empty.png", "text.jpg", "missing.jpg", "folder.png"])
def test_bad_pictures(folder, bad, which, name):
    sources = {"content": "chelsea", "style": "starry", "start": "content"} | {which: bad[name]}
    said = complaint(run("stylize", sources["content"], sources["style"], "--start", sources["start"], *QUICK, "-o", "out.png"))
    assert name in said
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("out.xyz", ".png, .jpg"),
        ("out", ".png, .jpg"),
        (f"{'a' * 300}.png", "name too long"),
        pytest.param("/dev/full", ".png, .jpg", marks=pytest.mark.skipif(os.name != "posix", reason="only POSIX has it")),
    ],
)
def test_unwritable_targets(folder, target, reason):
    assert reason in complaint(stylize("-o", target))
    assert not any(folder.iterdir())


def test_targets_that_are_folders(folder):
    (folder / "folder.png").mkdir()
    """The painting goes into them."""
    for target in ("folder.png", "new/", "."):
        assert stylize("-o", target).stdout == f"{Path(target, 'chelsea-starry.png')}\n"
        assert "--overwrite" in complaint(stylize("-o", target))


def test_unwritable_logs(folder):
    assert "log" in complaint(stylize("-o", "out.png", "--log", "."))
    assert not any(folder.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_no_space_for_the_log(folder):
    assert "log" in complaint(stylize("-o", "out.png", "--log", "/dev/full"))
    assert not any(folder.iterdir())


@pytest.mark.parametrize("option", ["--method", "--encoder", "--solver", "--device", "--precision"])
def test_unknown_names(folder, option):
    said = complaint(stylize("-o", "out.png", option, "nonesuch"))
    assert "nonesuch" in said
    assert "choose one of" in said
    assert not any(folder.iterdir())


@pytest.mark.parametrize("arguments", [("nonesuch", "starry"), ("chelsea", "nonesuch"), ("none such", "starry"), ("a\nb", "starry")])
def test_unknown_pictures(folder, arguments):
    complaint(run("stylize", *arguments, "-o", "out.png"))
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[(option, value) for option in ("--size", "--steps", "--seed", "--preview") for value in ("-1", "nan", "1.5", "1e3", "x", "")],
        *[(option, "0") for option in ("--steps", "--preview")],
        *[(f"--{name}-weight", value) for name in ("content", "style", "tv") for value in ("-1", "nan", "inf", "-inf", "x", "")],
        *[("--bits", value) for value in ("0", "-8", "12", "nan")],
    ],
)
def test_impossible_numbers(folder, option, value):
    complaint(stylize("-o", "out.png", option, value))
    assert not any(folder.iterdir())


def test_nothing_to_paint(folder):
    assert "both 0" in complaint(stylize("-o", "out.png", "--content-weight", "0", "--style-weight", "0"))


@pytest.mark.parametrize("extension", ["jpg", "webp", "bmp"])
def test_bits_that_the_format_lacks(folder, extension):
    assert "16 bits" in complaint(stylize("-o", f"out.{extension}", "--bits", "16"))
    assert not any(folder.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_no_cuda(folder):
    assert "cuda" in complaint(stylize("-o", "out.png", "--device", "cuda"))
    assert not any(folder.iterdir())


def test_bad_encoder_weights(folder, bad):
    pocket = Path(encoders.__file__).with_name("pocket.safetensors").read_bytes()
    bad["truncated.jpg"].write_bytes(pocket[:-100])
    for name in ("empty.png", "text.jpg", "missing.jpg", "folder.png", "truncated.jpg"):
        assert name in complaint(stylize("-o", "out.png", "--encoder-weights", bad[name]))
    assert not any(folder.iterdir())


def test_bad_likes(folder, bad):
    Image.new("RGB", (4, 4)).save(bad["missing.jpg"])
    for file in bad.values():
        assert file.name in complaint(stylize("-o", "out.png", "--like", file))
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [("stylize",), ("stylize", "--nonesuch"), ("--nonesuch", "chelsea"), ("nonesuch",), ("nonesuch", "starry"), ("styles", "x")],
)
def test_wrong_usage(folder, arguments):
    assert "--help" in complaint(run(*arguments))


def test_a_bug_is_no_mistake_of_the_user(folder, monkeypatch):
    """Only errors a user can mend are cut to one line."""

    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr("impasto.painting.stylize", broken)
    assert isinstance(stylize("-o", "out.png").exception, RuntimeError)


def test_a_refusal_leaves_what_was_there(folder, bad):
    (folder / "out.png").write_bytes(b"the old one")
    complaint(run("stylize", bad["text.jpg"], "starry", "-o", "out.png"))
    assert (folder / "out.png").read_bytes() == b"the old one"


# In a process of its own


def test_errors_of_a_real_process(folder):
    running = process("stylize", "nowhere.jpg", "starry", "-o", "out.png")
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 2
    assert stdout == ""
    assert stderr == "impasto: nowhere.jpg doesn't exist; check the path\n"


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c(folder):
    running = process("stylize", "chelsea", "starry", "-o", "out.png", "--size", "64", "--steps", "1000000", "--log", "log.jsonl")
    try:
        deadline = time.monotonic() + 60
        while not ((folder / "log.jsonl").exists() and len((folder / "log.jsonl").read_text().splitlines()) > 2):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 130
    assert stdout == ""
    assert len(stderr.splitlines()) == 1
    assert "out.png" in stderr
    assert "Traceback" not in stderr
    with Image.open("out.png") as painted:
        assert painted.size == (64, 43)
    stopped = picture.read_settings("out.png")["stopped"]
    assert f"step {stopped};" in stderr
    assert stopped >= json.loads((folder / "log.jsonl").read_text().splitlines()[2])["step"]


# The bar


@pytest.mark.parametrize("quiet", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_bar_on_a_terminal(folder, quiet):
    """A bar is drawn on a terminal, and isn't when asked not to."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

    def seen(*arguments):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, "stylize", "chelsea", "starry", "-o", "out.png", *QUICK, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        ) as running:
            os.close(theirs)
            drawn = b""
            while True:
                try:
                    read = os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
                if not read:
                    break
                drawn += read
            assert running.wait(60) == 0
        os.close(ours)
        return drawn.decode()

    if quiet:
        assert seen("--quiet") == ""
        return
    drawn = seen()
    assert "level 1/1" in drawn
    assert "2/2" in drawn
    assert "style" in drawn
