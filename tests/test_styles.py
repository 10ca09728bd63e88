import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto import styles
from impasto.errors import OptionError

MAKE = Path(__file__).parents[1] / "styles" / "make.py"


@pytest.mark.parametrize("name", styles.STYLES)
def test_picture(name: str) -> None:
    file = styles.path(name)
    assert file.stat().st_size < 200_000
    with Image.open(file) as image:
        image.load()
        assert image.mode == "RGB"
        assert max(image.size) >= 448
        spread = np.asarray(image.convert("L"), np.float32).std()
    assert spread > 20, "a style picture needs contrast"


def test_no_stray_files() -> None:
    folder = styles.path("starry").parent
    assert {file.name for file in folder.iterdir()} - {"__init__.py", "__pycache__"} == {f"{name}.jpg" for name in styles.STYLES}
    assert sum(styles.path(name).stat().st_size for name in styles.STYLES) < 2_300_000


def test_descriptions_are_one_line() -> None:
    assert all(text and "\n" not in text for text in styles.STYLES.values())


def test_unknown_name() -> None:
    with pytest.raises(OptionError) as caught:
        styles.path("nonesuch")
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in styles.STYLES)


def test_light_import() -> None:
    code = "import sys, impasto.styles; sys.exit(bool({'numpy', 'torch', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_made_by_the_code(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(MAKE), "stainedglass", "--to", str(tmp_path)], check=True)
    with Image.open(tmp_path / "stainedglass.jpg") as image:
        made = np.asarray(image, np.float32)
    with Image.open(styles.path("stainedglass")) as image:
        packaged = np.asarray(image, np.float32)
    assert made.shape == packaged.shape
    # Another version of a library may move an edge by a pixel, or compress a little differently.
    assert np.abs(made - packaged).mean() < 4
