"""``impasto PHOTO STYLE``: names of paintings, many photographs, pipes and JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import impasto
from impasto import examples, picture
from impasto.cli import main, many
from impasto.cli.outputs import apart
from impasto.cli.photographs import found
from impasto.feedforward import photos

QUICK = ("--size", "24", "--method", "arbitrary")


def run(*arguments, **settings):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **settings)


def complaint(result):
    """The one line on stderr of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    return result.stderr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def album(folder):
    """Photographs in folders; one is damaged."""
    for index, name in enumerate(("x.jpg", "x.png", "trip/y.jpg", "trip/deep/z.webp")):
        file = folder / "album" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").convert("RGB").rotate(90 * index).resize((30 + index, 20)).save(file)
    (folder / "album/notes.txt").write_text("none of them")
    (folder / "album/.hidden.jpg").write_text("none of them")
    return folder / "album"


def files(root):
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}


# One painting


def test_no_command(folder):
    """It paints, wherever the options stand, and is what the command paints."""
    assert run("chelsea", "starry", *QUICK).stdout == "chelsea-starry.png\n"
    assert run(*QUICK, "-o", "two.png", "chelsea", "starry").stdout == "two.png\n"
    assert run("stylize", "chelsea", "starry", *QUICK, "-o", "three.png").exit_code == 0
    assert (folder / "chelsea-starry.png").read_bytes() == (folder / "two.png").read_bytes() == (folder / "three.png").read_bytes()


def test_commands_win(folder):
    Image.new("RGB", (8, 8)).save("styles.png")
    (folder / "styles").write_bytes((folder / "styles.png").read_bytes())
    assert "pointillism" in run("styles").stdout


@pytest.mark.parametrize("arguments", [("stlye",), ("stlye", "starry"), ("chelsae", "starry")])
def test_mistyped(folder, arguments):
    said = complaint(run(*arguments))
    assert arguments[0] in said
    assert "stylize" in said or "chelsea" in said
    assert "PHOTO STYLE" in said
    assert "--help" in said


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("chelsea", "starry", "knife", "--blend", "3", "7", *QUICK), "chelsea-starry-knife.png"),
        (("chelsea", "--style", "starry", "--style", "knife", *QUICK), "chelsea-starry-knife.png"),
        (("chelsea", "starry", *QUICK, "--format", "webp"), "chelsea-starry.webp"),
        (("chelsea", "--size", "24", "--method", "strokes"), "chelsea-strokes.png"),
        (("chelsea", "starry", "--size", "24", "--method", "strokes"), "chelsea-starry.png"),
        ((str(examples.path("chelsea")), "starry", *QUICK), "chelsea-starry.png"),
    ],
)
def test_names(folder, arguments, name):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, f"{name}\n"), result.output
    assert files(folder) == {name}


def test_nothing_is_replaced_unasked(folder):
    (folder / "chelsea-starry.png").write_bytes(b"mine")
    assert "--overwrite" in complaint(run("chelsea", "starry", *QUICK))
    assert (folder / "chelsea-starry.png").read_bytes() == b"mine"
    assert run("chelsea", "starry", *QUICK, "--overwrite").exit_code == 0
    assert (folder / "chelsea-starry.png").read_bytes() != b"mine"
    (folder / "named.png").write_bytes(b"mine")
    assert run("chelsea", "starry", *QUICK, "-o", "named.png").exit_code == 0


def test_whom_is_which(folder):
    said = complaint(run("a.jpg", "b.jpg", "c.jpg"))
    assert "--style" in said
    assert "--blend" in said


def test_pictures_that_are_read_stay(folder):
    Image.new("RGB", (8, 8)).save("a.png")
    before = (folder / "a.png").read_bytes()
    assert "a.png" in complaint(run("a.png", "starry", *QUICK, "-o", "a.png", "--overwrite"))
    assert (folder / "a.png").read_bytes() == before


# Pipes and JSON


def test_standard_input(folder):
    content = examples.path("rocket").read_bytes()
    assert run("-", "starry", *QUICK, input=content).stdout == "stdin-starry.png\n"
    assert run("rocket", "starry", *QUICK, "-o", "same.png").exit_code == 0
    assert (folder / "stdin-starry.png").read_bytes() == (folder / "same.png").read_bytes()
    assert run("chelsea", "-", *QUICK, input=content).stdout == "chelsea-stdin.png\n"
    assert "standard input is not a JPEG" in complaint(run("-", "starry", *QUICK, "-o", "out.png", input=b"text"))
    assert "only one" in complaint(run("-", "-", *QUICK, input=content))


@pytest.mark.parametrize("format_", ["png", "jpg"])
def test_standard_output(folder, format_):
    result = run("chelsea", "starry", *QUICK, "-o", "-", "--format", format_)
    assert (result.exit_code, result.stderr) == (0, "")
    assert run("chelsea", "starry", *QUICK, "-o", f"same.{format_}").exit_code == 0
    assert result.stdout_bytes == (folder / f"same.{format_}").read_bytes()
    assert "--json" in run("chelsea", "starry", "-o", "-", "--json").stderr


def test_json(folder):
    result = run("chelsea", "starry", *QUICK, "--json", "--seed", "3")
    (told,) = map(json.loads, result.stdout.splitlines())
    expected = {"input": "chelsea", "output": "chelsea-starry.png", "size": [24, 16], "method": "arbitrary", "seed": 3}
    assert expected.items() <= told.items()
    assert told["seconds"] > 0
    assert told["settings"] == picture.read_settings("chelsea-starry.png")
    told = json.loads(
        run("texture", "mosaic", "--method", "quilting", "--size", "24", "--style-size", "24", "-o", "t.png", "--json").stdout
    )
    assert told["settings"] == picture.read_settings("t.png")


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (("missing.jpg", "starry", *QUICK), "missing.jpg"),
        (("chelsea", "starry", "--size", "x"), None),
        (("chelsea", "starry", "--nonesuch"), None),
    ],
)
def test_errors_as_json(folder, arguments, source):
    result = run("--json", *arguments)
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["input"] == source
    assert result.stderr == f"impasto: {told['error']}\n"


# Many


def test_many(album, folder):
    """Every one is painted in its place, and a second time nothing is."""
    painted = {"x.jpg-starry.png", "x.png-starry.png", "trip/y-starry.png", "trip/deep/z-starry.png"}
    result = run("album", "starry", *QUICK, "-o", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert {Path(line).relative_to("out").as_posix() for line in result.stdout.splitlines()} == painted == files(folder / "out")
    alone = run("album/trip/y.jpg", "starry", *QUICK, "-o", "alone.png")
    assert alone.exit_code == 0
    assert (folder / "alone.png").read_bytes() == (folder / "out/trip/y-starry.png").read_bytes()
    times = {file: (folder / "out" / file).stat().st_mtime_ns for file in painted}
    again = run("album", "--style", "starry", *QUICK, "-o", "out")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "4 of 4 are painted already\n")
    assert times == {file: (folder / "out" / file).stat().st_mtime_ns for file in painted}


def test_many_otherwise(album, folder):
    """What is there and differs stays, unless it is to be replaced; the others are painted."""
    assert run("album/trip", "starry", *QUICK, "-o", "out").exit_code == 0
    (folder / "out/y-starry.png").unlink()
    result = run("album/trip", "starry", *QUICK, "-o", "out", "--seed", "1")
    assert result.exit_code == 1
    assert result.stdout == f"{Path('out/y-starry.png')}\n"
    assert "--overwrite" in result.stderr.splitlines()[0]
    assert "1 of 2 were not painted: album/trip/deep/z.webp" in result.stderr.splitlines()[-1]
    assert run("album/trip", "starry", *QUICK, "-o", "out", "--seed", "1", "--overwrite").exit_code == 0
    assert picture.read_settings("out/deep/z-starry.png")["seed"] == 1
    # A photograph of the same name with another content is another one.
    Image.new("RGB", (9, 9), "red").save("album/trip/y.jpg")
    assert run("album/trip", "starry", *QUICK, "-o", "out", "--seed", "1").exit_code == 1


def test_stopped_canvases_are_not_finished(album, folder):
    assert run("album/trip", "starry", *QUICK, "-o", "out").exit_code == 0
    settings = picture.read_settings("out/y-starry.png")
    picture.save(picture.read("out/y-starry.png").picture, "out/y-starry.png", settings={**settings, "stopped": 3})
    result = run("album/trip", "starry", *QUICK, "-o", "out")
    assert (result.exit_code, result.stdout) == (0, f"{Path('out/y-starry.png')}\n")


@pytest.mark.parametrize("format_", ["jpg", "webp", "tif"])
def test_skipped_in_other_formats(album, folder, format_):
    arguments = ("album/trip", "starry", *QUICK, "-o", "out", "--format", format_)
    assert run(*arguments).exit_code == 0
    assert run(*arguments).stderr == "2 of 2 are painted already\n"


def test_other_machines_count_too(album, folder):
    assert run("album/trip", "starry", *QUICK, "-o", "out").exit_code == 0
    settings = picture.read_settings("out/y-starry.png")
    changed = {**settings, "threads": 99, "device": "cuda", "versions": {}}
    picture.save(picture.read("out/y-starry.png").picture, "out/y-starry.png", settings=changed)
    assert "2 of 2" in run("album/trip", "starry", *QUICK, "-o", "out").stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_faults_of_some(album, folder, as_json):
    (album / "bad.jpg").write_text("no picture")
    result = run("album/bad.jpg", "album/trip", "missing.jpg", "chelsea", "--style", "starry", *QUICK, "-o", "out", *as_json)
    assert result.exit_code == 1
    assert files(folder / "out") == {"y-starry.png", "deep/z-starry.png", "chelsea-starry.png"}
    *_, last = lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert last == "impasto: 2 of 5 were not painted: album/bad.jpg, missing.jpg"
    if as_json:
        told = [json.loads(line) for line in result.stdout.splitlines()]
        assert [one["input"] for one in told if "error" in one] == ["album/bad.jpg", "missing.jpg"]
        assert len(told) == 5


def test_patterns(album, folder):
    result = run("album/**/*.jpg", "starry", *QUICK, "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert files(folder / "out") == {"x-starry.png", "trip/y-starry.png"}


def test_methods_without_a_style(album, folder):
    result = run("album/x.jpg", "album/x.png", "album/trip/y.jpg", "--method", "kuwahara", "--size", "24", "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert files(folder / "out") == {"x.jpg-kuwahara.png", "x.png-kuwahara.png", "y-kuwahara.png"}


def test_beside_the_photographs(album, folder, monkeypatch):
    """Paintings in the photographs' own folder, or below it, are none of them the next time."""
    monkeypatch.chdir(album / "trip")
    for output in ("out", "."):
        for _ in range(2):
            result = run(".", "--style", "starry", *QUICK, "-o", output)
            assert result.exit_code == 0, result.stderr
    assert run(".", "--style", "knife", *QUICK, "-o", ".").exit_code == 0
    assert files(album / "trip") == {
        *("y.jpg", "y-starry.png", "y-knife.png", "deep/z.webp", "deep/z-starry.png", "deep/z-knife.png"),
        *("out/y-starry.png", "out/deep/z-starry.png"),
    }


def test_what_a_shell_expands(folder):
    """The second time its pattern matches the painting, too."""
    Image.linear_gradient("L").convert("RGB").save("x.png")
    Image.linear_gradient("L").convert("RGB").resize((30, 20)).save("y.png")
    assert run("x.png", "y.png", "--style", "starry", *QUICK).exit_code == 0
    again = run(*sorted(folder.glob("*.png")), "--style", "starry", *QUICK)
    assert (again.exit_code, again.stderr) == (0, "2 of 2 are painted already\n")
    assert len(files(folder)) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("album", "starry", "-o", "notes.txt"), "is a file"),
        (("album", "starry", "-o", "out.png"), "name a folder"),
        (("album", "starry", "-o", "-"), "name a folder"),
        (("album", "-", "--style", "starry"), "name it alone"),
        (("album", "starry", "--log", "log.jsonl"), "--log is for one painting"),
        (("empty", "starry"), "holds no pictures"),
        (("nothing*.jpg", "starry"), "matches no pictures"),
        (("album", "nonesuch"), "nonesuch"),
        (("album",), "needs a style"),
    ],
)
def test_refusals_of_many(album, folder, arguments, said):
    (folder / "notes.txt").write_text("mine")
    (folder / "empty").mkdir()
    before = files(folder)
    assert said in complaint(run(*arguments, *QUICK))
    assert files(folder) == before


@pytest.mark.slow
def test_workers(album, folder):
    result = run("album", "starry", *QUICK, "-o", "out", "--workers", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 4
    assert len(files(folder / "out")) == 4
    assert picture.read_settings("out/trip/y-starry.png")["threads"] == max(1, many._cores() // 2)


def test_interrupted(album, folder, monkeypatch):
    """The one under way is given up, and the same command goes on."""
    from impasto.feedforward import painter

    paint, calls = painter.Painter.paint, []

    def stop(self, commission):
        calls.append(commission)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return paint(self, commission)

    monkeypatch.setattr(painter.Painter, "paint", stop)
    result = run("album", "starry", *QUICK, "-o", "out")
    assert result.exit_code == 130
    assert result.stderr == "Stopped after 2 of 4 paintings; the same command goes on from there\n"
    assert len(files(folder / "out")) == 2
    assert len(run("album", "starry", *QUICK, "-o", "out").stdout.splitlines()) == 2


def test_endings(folder):
    """A folder's pictures are the same ones for painting and for training, whatever the case of their endings."""
    for name in ("a.jpg", "b.JFIF", "c.heif", "d.txt", "e", ".f.png"):
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    named = ["a.jpg", "b.JFIF", "c.heif"]
    assert [Path(one.place).name for one in found([str(folder)])] == named
    assert [file.name for file in photos.pictures(folder)] == named


def test_each_photograph_once(album, folder):
    places = [one.place for one in found(["album/x.jpg", "album", "./album/x.jpg", "album/*.png"])]
    assert [Path(place).as_posix() for place in places] == ["album/x.jpg", "album/trip/deep/z.webp", "album/trip/y.jpg", "album/x.png"]


def test_names_apart():
    places = [("a/x.jpg", Path()), ("b/x.jpg", Path()), ("x.jpg", Path()), ("c/X.png", Path()), ("y.jpg", Path()), ("y.jpg", Path("sub"))]
    named = [os.fspath(target) for target in apart(places, ["starry"], "arbitrary", "png")]
    assert named[:2] == ["a-x-starry.png", "b-x-starry.png"]
    assert named[4:] == ["y-starry.png", os.fspath(Path("sub/y-starry.png"))]
    assert len({name.casefold() for name in named}) == 6


# A sheet of styles


def test_sheet(folder):
    result = run("sheet", "chelsea", "starry", "knife", "--size", "24")
    assert (result.exit_code, result.stdout) == (0, "chelsea-sheet.png\n"), result.stderr
    assert "--overwrite" in complaint(run("sheet", "chelsea", "starry", "--size", "24"))
    assert run("sheet", "chelsea", "starry", "--size", "24", "--overwrite").exit_code == 0
    assert run("sheet", "chelsea", "starry", "--size", "24", "-o", "other.jpg").stdout == "other.jpg\n"
    assert "unknown method" in complaint(run("sheet", "chelsea", "starry", "-o", "a.png", "--method", "nonesuch"))
    assert files(folder) == {"chelsea-sheet.png", "other.jpg"}


def test_ctrl_c_leaves_what_was_there(album, folder):
    """Of a photograph that is under way, be it painted anew or for the first time."""

    def stop(_):
        raise KeyboardInterrupt

    painter = impasto.Painter("starry", method="strokes", size=24)
    (folder / "old.png").write_bytes(b"the old one")
    for name in ("old.png", "new.png"):
        with pytest.raises(impasto.Interrupted):
            many._painted(many.Job("album/x.png", folder / name), painter, {}, stop)
    assert (folder / "old.png").read_bytes() == b"the old one"
    assert not (folder / "new.png").exists()


@pytest.mark.slow
def test_warnings_of_workers_are_one_line(folder):
    frames = [Image.new("RGB", (40, 30), (shade, 90, 120)) for shade in (0, 60, 120)]
    for name in ("one.gif", "two.gif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    arguments = ("one.gif", "two.gif", "--style", "starry", "--method", "fast", "--workers", "2", "-o", "out", "--quiet")
    said = subprocess.run(
        [sys.executable, "-m", "impasto", "stylize", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    expected = [f"impasto: {name} is a moving picture; only its first frame is painted" for name in ("one.gif", "two.gif")]
    assert sorted(said.stderr.splitlines()) == expected
