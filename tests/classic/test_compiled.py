"""Compiled functions where what was compiled can be kept, and where it can't be."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import impasto
from impasto.classic.compiled import njit

PACKAGE = Path(impasto.__file__).parent


def twice(x):
    return 2 * x


def test_all_is_compiled_in_one_place():
    others = [file for file in (PACKAGE / "classic").glob("*.py") if file.name != "compiled.py"]
    assert others
    assert not [file.name for file in others if re.search(r"from numba import .*jit|numba\.n?jit", file.read_text())]


def test_what_was_compiled_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    first, second = njit()(twice), njit()(twice)
    assert (first(2), second(3)) == (4, 6)
    assert (sum(first.stats.cache_misses.values()), sum(second.stats.cache_hits.values())) == (1, 1)
    assert list(tmp_path.rglob("*.nbc"))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), EOFError()])
@pytest.mark.parametrize("turn", ["load", "save"])
def test_a_cache_that_breaks_later_is_done_without(tmp_path, monkeypatch, turn, error):
    def broken(*_):
        raise error

    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(f"numba.core.caching.IndexDataCacheFile.{turn}", broken)
    assert njit()(twice)(2) == 4


def test_paints_where_nothing_can_be_kept(tmp_path):
    """Neither beside the sources nor at home: files stand in the folders' way, which stop even the superuser."""
    package = tmp_path / "site" / "impasto"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
        (folder / "__pycache__").touch()
    (tmp_path / "file").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "IMPASTO_CACHE")}
    environment |= {"HOME": str(tmp_path / "file" / "home"), "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    painted = tmp_path / "painted.png"
    asked = ["texture", "starry", "--method", "efrosleung", "--size", "12", "--style-size", "24", "-o", str(painted), "--quiet"]
    ran = subprocess.run([sys.executable, "-m", "impasto", *asked], env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert painted.exists()
    assert {path.name for path in (tmp_path / "site").rglob("*.nb*")} == set()
