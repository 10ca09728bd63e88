"""Real processes: streams that are closed, signals, and completion."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from impasto import picture

COMMAND = (sys.executable, "-c", "from impasto.cli import main; main(prog_name='impasto')")
QUICK = ("--size", "24", "--method", "arbitrary")
POSIX = pytest.mark.skipif(os.name != "posix", reason="is about POSIX streams and signals")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(redirection, *arguments):
    """The exit code of a command with its streams redirected by a shell."""
    script = f'"$@" {redirection}'
    return subprocess.run(["sh", "-c", script, "sh", *COMMAND, *arguments], timeout=120, check=False).returncode


# Streams


@POSIX
@FULL
@pytest.mark.parametrize(
    "redirection",
    ["<&- >&- 2>&-", *(pytest.param(one, marks=pytest.mark.slow) for one in ("2>&-", ">&-", ">/dev/full 2>/dev/full", "| true"))],
)
def test_nobody_listens(folder, redirection):
    """The painting is written all the same; the warning about the threads goes nowhere."""
    assert shell(redirection, "chelsea", "starry", *QUICK, "-o", "out.png", "--json") == 0
    assert picture.read_settings("out.png")["size"] == 24
    assert [file.name for file in folder.iterdir()] == ["out.png"]


@POSIX
@FULL
def test_nobody_hears_of_errors(folder):
    assert shell("2>/dev/full", "missing.jpg", "starry", *QUICK) == 2
    assert shell(">&-", "chelsea", "starry", *QUICK, "-o", "-") == 2


# Signals


def started(*arguments):
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(there, running):
    deadline = time.monotonic() + 120
    while not there():
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", *(pytest.param(one, marks=pytest.mark.slow) for one in ("SIGHUP", "SIGINT"))])
def test_signals_save_the_canvas(folder, name):
    log = folder / "log.jsonl"
    with started("chelsea", "starry", "-o", "out.png", "--size", "32", "--steps", "1000000", "--log", "log.jsonl") as running:
        try:
            until(lambda: log.exists() and log.stat().st_size, running)
            running.send_signal(getattr(signal, name))
            stdout, stderr = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 128 + getattr(signal, name)
    assert stdout == ""
    assert len(stderr.splitlines()) == 1
    assert f"step {picture.read_settings('out.png')['stopped']};" in stderr


@POSIX
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_many_are_stopped(folder, workers):
    """What is finished stays, nothing else does, and the same command goes on."""
    for index in range(4):
        Image.linear_gradient("L").convert("RGB").rotate(90 * index).resize((32, 24)).save(f"{index}.jpg")
    # The first ones are there soon, the last takes for ever.
    Image.linear_gradient("L").convert("RGB").resize((3000, 3000)).save("huge.jpg")
    arguments = ("*.jpg", "--method", "strokes", "--size", "0", "-o", "out", "--workers", workers)
    with started(*arguments) as running:
        try:
            until(lambda: len(list(folder.glob("out/?-strokes.png"))) >= 1, running)
            running.send_signal(signal.SIGINT)
            stdout, stderr = running.communicate(timeout=120)
        finally:
            running.kill()
    assert running.returncode == 130, stderr
    done = {file.name for file in folder.glob("out/*")}
    assert 1 <= len(done) < 5
    assert all("stopped" not in picture.read_settings(folder / "out" / name) for name in done)
    assert {Path(line).name for line in stdout.splitlines()} <= done
    assert "the same command goes on" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr


# Completion


def completed(line, shell_name="bash"):
    """What a shell is told where TAB is pressed at the end of a ``line``."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1) if shell_name != "fish" else words[-1]}
    environment = {**os.environ, "_IMPASTO_COMPLETE": f"{shell_name}_complete", **asked}
    return subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("impasto sty", {"plain,styles", "plain,stylize", "file,sty"}),
        ("impasto che", {"plain,chelsea", "plain,cheap.jpg", "plain,cheese/"}),
        ("impasto pho", {"file,pho"}),
        ("impasto chelsea sta", {"plain,starry", "plain,stainedglass"}),
        ("impasto stylize --blend 3 7 chelsea wa", {"plain,watercolour", "plain,waves"}),
        ("impasto chelsea --method regions", {"plain,regions", "plain,regions-strokes"}),
        ("impasto --method strokes --preset p", {"plain,pointillist", "plain,pencil"}),
        ("impasto chelsea starry --solver a", {"plain,adam"}),
        ("impasto --style-l", {"plain,--style-loss", "plain,--style-layers"}),
        ("impasto texture mos", {"plain,mosaic"}),
    ],
)
def test_completion(folder, line, offered):
    (folder / "cheap.jpg").touch()
    (folder / "cheese").mkdir()
    assert set(completed(line)) == offered


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_shells(folder, name):
    environment = {**os.environ, "_IMPASTO_COMPLETE": f"{name}_source"}
    script = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False).stdout
    if name == "bash" and not script:
        pytest.skip("click finds no bash that is new enough")
    assert "_IMPASTO_COMPLETE" in script
    assert "stylize" in " ".join(completed("impasto styl", name))


@pytest.mark.slow
def test_json_in_a_pipe(folder):
    told = subprocess.run([*COMMAND, "chelsea", "nonesuch", "--json"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "nonesuch" in json.loads(told.stdout)["error"]
