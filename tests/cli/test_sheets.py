"""Sheets, textures and inversions from the command line: what they write, and that every mistake is one line and exit code 2."""

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from PIL import Image

from impasto import picture
from impasto.cli import main, sheets
from impasto.evaluate import FIGURES, series
from impasto.methods import METHODS

for command in (sheets.compare, sheets.figure, sheets.texture, sheets.invert):
    main.add_command(command)
COMMAND = (
    sys.executable,
    "-c",
    "from impasto.cli import main, sheets\n"
    "for command in (sheets.compare, sheets.figure, sheets.texture, sheets.invert): main.add_command(command)\n"
    "main(prog_name='impasto')",
)
QUICK = ("--size", "40", "--steps", "2")
CALLS = {
    "compare": ("compare", "chelsea", "starry", "--methods", "impasto,tutorial", *QUICK, "-o", "out.png"),
    "figure": ("figure", "layers", "chelsea", "starry", *QUICK, "-o", "out.png"),
    "texture": ("texture", "starry", *QUICK, "-o", "out.png"),
    "invert": ("invert", "chelsea", *QUICK, "-o", "out.png"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def complaint(result):
    """The one line on stderr of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    return result.stderr


# What works


@pytest.mark.parametrize("command", CALLS)
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_commands(folder, command, extension):
    result = run(*CALLS[command][:-1], f"out.{extension}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"out.{extension}\n", "")
    assert [file.name for file in folder.iterdir()] == [f"out.{extension}"]
    with Image.open(f"out.{extension}") as painted:
        assert painted.mode == "RGB"
        assert painted.width >= 40


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(CALLS["compare"][:-2], "compare.png"), *((("figure", name, "chelsea", "starry", *QUICK), f"figure-{name}.png") for name in FIGURES)],
)
def test_files_by_default(folder, arguments, name):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, f"{name}\n"), result.output
    assert [file.name for file in folder.iterdir()] == [name]


@pytest.mark.parametrize(("size", "expected"), [("40", (40, 32)), ("24x56", (24, 56))])
def test_sizes_of_textures(folder, size, expected):
    assert run("texture", "starry", "--size", size, "--steps", "1", "-o", "out.png").exit_code == 0
    with Image.open("out.png") as painted:
        assert painted.size == expected


def test_options_of_a_texture(folder):
    options = (
        "--style-size",
        "64",
        "--seed",
        "3",
        "--solver",
        "adam",
        "--precision",
        "float32",
        "--device",
        "cpu",
        "--bits",
        "16",
        "--fast",
    )
    assert run(*CALLS["texture"], *options, "--preview", "1").exit_code == 0
    assert {file.name for file in folder.iterdir()} == {"out.png", "out-0001.png", "out-0002.png"}
    expected = {
        "method": "texture2015",
        "encoder": "pocket",
        "size": 40,
        "style_size": 64,
        "seed": 3,
        "solver": "adam",
        "precision": "float32",
        "device": "cpu",
        "bits": 16,
        "fast": True,
        "steps": 2,
        "content_sha256": None,
    }
    assert expected.items() <= picture.read_settings("out.png").items()


def test_options_of_an_inversion(folder):
    assert run(*CALLS["invert"], "--layer", "relu2_2", "--tv-weight", "0.1").exit_code == 0
    expected = {"method": "inversion2015", "encoder": "pocket", "content_layers": ["relu2_2"], "tv_weight": 0.1, "style_sha256": []}
    assert expected.items() <= picture.read_settings("out.png").items()


@pytest.fixture
def recorded(monkeypatch):
    """What the library is asked for."""
    calls = []

    def compare(*arguments, callback, fetching, **options):
        calls.append((arguments, options))
        return Image.new("RGB", (8, 8)), []

    def figure(*arguments, callback, fetching, **options):
        return compare(*arguments, callback=callback, fetching=fetching, **options)[0]

    monkeypatch.setattr("impasto.evaluate.compare", compare)
    monkeypatch.setattr("impasto.evaluate.figure", figure)
    return calls


COMMON = (
    "--steps",
    "7",
    "--seed",
    "3",
    "--device",
    "cpu",
    "--precision",
    "float32",
    "--encoder",
    "own",
    "--size",
    "0",
    "--full",
    "--quiet",
)
GIVEN = {"steps": 7, "seed": 3, "device": "cpu", "precision": "float32", "encoder": "own", "size": 0, "fast": False}


def test_options_of_a_comparison(folder, recorded):
    assert run("compare", "a", "b").exit_code == 0
    assert recorded.pop() == (("a", "b", None), {"fast": True, "size": 384, "encoder": "pocket"})
    assert run("compare", "a", "b", "--methods", "keras, impasto", *COMMON).exit_code == 0
    assert recorded.pop() == (("a", "b", ["keras", "impasto"]), GIVEN)


def test_options_of_a_figure(folder, recorded):
    assert run("figure", "starts", "a", "b").exit_code == 0
    assert recorded.pop() == (("starts", "a", "b"), {"fast": True, "size": 256, "encoder": "pocket", "method": "gatys2016"})
    assert run("figure", "starts", "a", "b", "--method", "keras", *COMMON).exit_code == 0
    assert recorded.pop() == (("starts", "a", "b"), {**GIVEN, "method": "keras"})


@pytest.mark.parametrize("command", CALLS)
def test_help_needs_no_torch(command):
    code = COMMAND[2].replace(
        "main(prog_name='impasto')", f"\ntry: main([{command!r}, '--help'])\nfinally: print('torch' in __import__('sys').modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Usage: ")
    assert result.stdout.endswith("False\n")
    assert "pocket" in result.stdout


def test_help_names_every_figure():
    said = run("figure", "--help").stdout
    assert all(f"`{name}`" in said for name in FIGURES)


# What doesn't


@pytest.mark.parametrize("command", CALLS)
@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("-o", "out.xyz", ".png, .jpg"),
        ("--size", "-1", "-1"),
        ("--size", "x", "x"),
        ("--steps", "0", "steps"),
        ("--seed", "-1", "seed"),
        ("--encoder", "nonesuch", "choose one of"),
        ("--device", "nonesuch", "choose one of"),
        ("--precision", "nonesuch", "choose one of"),
    ],
)
def test_refusals(folder, command, option, value, reason):
    assert reason in complaint(run(*CALLS[command], option, value))
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("compare", "chelsea", "starry", "--methods", "nonesuch"), "unknown method nonesuch"),
        (("compare", "chelsea", "starry", "--methods", ""), "unknown method"),
        (("compare", "nowhere.jpg", "starry"), "nowhere.jpg"),
        (("compare", "chelsea", "nonesuch"), "nonesuch"),
        (("compare", "chelsea"), "--help"),
        (("figure", "nonesuch", "chelsea", "starry"), "reconstructions"),
        (("figure", "layers", "chelsea", "starry", "--method", "nonesuch"), "unknown method nonesuch"),
        (("figure", "layers", "nowhere.jpg", "starry"), "nowhere.jpg"),
        (("texture", "starry", "-o", "out.png", "--method", "gatys2016"), "choose texture2015"),
        (("texture", "nowhere.jpg", "-o", "out.png"), "nowhere.jpg"),
        (("texture", "starry", "-o", "out.png", "--size", "640x"), "640x480"),
        (("texture", "starry", "-o", "out.png", "--size", "0x40"), "from 1 to"),
        (("texture", "starry"), "--help"),
        (("invert", "chelsea", "-o", "out.png", "--method", "nonesuch"), "choose inversion2015"),
        (("invert", "nowhere.jpg", "-o", "out.png"), "nowhere.jpg"),
    ],
)
def test_mistakes(folder, arguments, reason):
    assert reason in complaint(run(*arguments))
    assert not any(folder.iterdir())


def test_a_refusal_comes_before_any_work(folder, monkeypatch):
    monkeypatch.setattr("impasto.evaluate.series.stylize", lambda **wish: pytest.fail("it paints"))
    for command in ("compare", "figure"):
        complaint(run(*CALLS[command], "-o", "out.xyz"))


# Ctrl-C and the bar


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
@pytest.mark.parametrize("command", [pytest.param(each, marks=pytest.mark.slow) for each in ("compare", "figure", "texture", "invert")])
def test_ctrl_c(folder, command):
    """The first painting is stopped while it is at work, and what there is of it is saved."""
    patch = (
        "import impasto.optimise.pyramid as pyramid\nfrom pathlib import Path\nmake = pyramid.Progress\n"
        "def note(*values): Path('begun').touch(); return make(*values)\npyramid.Progress = note\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", patch + COMMAND[2], *CALLS[command], "--steps", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            deadline = time.monotonic() + 60
            while not (folder / "begun").exists():
                assert running.poll() is None, running.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            stdout, stderr = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 130, stderr
    assert stdout == ""
    assert len(stderr.splitlines()) == 1
    assert "out.png" in stderr
    with Image.open("out.png") as painted:
        assert painted.width >= 40


def on_a_terminal(*arguments):
    """What the command draws on a terminal of 120 columns."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
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


@pytest.mark.slow
def test_bars(folder):
    """A sheet has a bar for each painting, which says the how manieth it is."""
    drawn = on_a_terminal(*CALLS["compare"])
    assert all(text in drawn for text in ("1/2 impasto", "2/2 tutorial", "level 1/1", "style"))


@pytest.mark.slow
def test_one_bar_and_none(folder):
    drawn = on_a_terminal(*CALLS["texture"])
    assert "level 1/1" in drawn
    assert "painting" not in drawn
    assert on_a_terminal(*CALLS["compare"], "--quiet") == ""


def test_bar_of_a_download(monkeypatch, capsys):
    """With and without a size that is known, and a painting after it."""
    from impasto.cli.progress import Bar

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    with Bar(quiet=False) as bar:
        bar.fetching(1_000_000, 4_000_000)
        bar.fetching(4_000_000, 4_000_000)
        bar.close()
        bar.fetching(2_500_000, None)
    said = capsys.readouterr().err
    assert "weights" in said
    assert "4.0/4.0 MB" in said
    assert "2.5/? MB" in said


def test_methods_of_one_picture():
    """What the commands' defaults rest on."""
    assert METHODS["texture2015"].sources == {"style"}
    assert METHODS["inversion2015"].sources == {"content"}


@pytest.mark.parametrize("method", ["quilting", "efrosleung"])
def test_textures_without_a_network(folder, method):
    painted = run("texture", "mosaic", "-o", "out.png", "--method", method, "--size", "40x30", "--style-size", "24", "--patch", "7")
    assert (painted.exit_code, painted.stdout) == (0, "out.png\n")
    with Image.open("out.png") as opened:
        assert opened.size == (40, 30)
    assert "steps means nothing" in complaint(run("texture", "mosaic", "-o", "two.png", "--method", method, "--steps", "3"))


@pytest.mark.parametrize("arguments", [["sheet", "p.png", "starry"], ["sheet", "coffee", "p.png"], ["compare", "p.png", "starry"]])
def test_what_is_read_is_never_written_over(arguments, tmp_path, monkeypatch):
    from click.testing import CliRunner
    from PIL import Image

    from impasto.cli.main import main

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (20, 20), (9, 99, 200)).save("p.png")
    (tmp_path / "link.png").symlink_to("p.png")
    before = (tmp_path / "p.png").read_bytes()
    for output in ("p.png", "link.png"):
        result = CliRunner().invoke(main, [*arguments, "-o", output])
        assert result.exit_code == 2
        assert "one of the pictures that are read" in result.output
    assert (tmp_path / "p.png").read_bytes() == before


def test_styles_called_the_same_are_both_painted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, colours in (("one", (200, 30)), ("two", (30, 200))):
        (tmp_path / folder).mkdir()
        half = [Image.new("RGB", (20, 40), (colour, 60, 90)) for colour in colours]
        style = Image.new("RGB", (40, 40))
        style.paste(half[0])
        style.paste(half[1], (20, 0))
        style.save(tmp_path / folder / "style.png")
    seen = []

    def painted(**wish):
        seen.append(wish["style"])
        return Image.new("RGB", (32, 24))

    def paint(wishes, callback):
        return [series.Painted(name, painted(**wish)) for name, wish in wishes.items()], False

    monkeypatch.setattr(series, "paint", paint)
    result = CliRunner().invoke(main, ["sheet", "coffee", "one/style.png", "two/style.png", "one/style.png", "waves", "--size", "32"])
    assert result.exit_code == 0, result.output
    assert seen == ["one/style.png", "two/style.png", "waves"]


def test_a_style_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40), (9, 9, 9)).save("flat.png")
    result = CliRunner().invoke(main, ["sheet", "coffee", "flat.png", "waves", "--size", "64"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "coffee-sheet.png\n"
    assert result.stderr.startswith("impasto: flat: a style of one colour")
    assert len(result.stderr.splitlines()) == 1
