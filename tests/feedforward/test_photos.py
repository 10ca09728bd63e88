"""Crops of a folder of photographs."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import PictureError
from impasto.feedforward.photos import AT_LEAST, Photos, batches, collate, middle


def ramp(width=96, height=80, blue=0):
    """A picture whose red tells the column and whose green tells the row, in 255ths."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = np.arange(width), np.arange(height)[:, None], blue
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path):
    """Ten photographs, three of them further down, and files that are none of ours."""
    root = tmp_path / "photos"
    (root / "deep" / "deeper").mkdir(parents=True)
    for n in range(10):
        ramp(blue=20 * n).save(root / ("deep/deeper" if n < 3 else "") / f"{n}.png")
    (root / "notes.txt").write_text("not a picture")
    (root / "._0.png").write_bytes(b"what some systems leave")
    return root


def test_all_are_found(folder):
    photos = Photos(folder, 16, 0)
    assert sorted(file.name for file in photos.files) == [f"{n}.png" for n in range(10)]
    blues = {round(float(photos[0, n][0][2].mean()) * 255) for n in range(200)}
    assert blues == {20 * n for n in range(10)}
    assert photos.bad == {}


def test_crops_depend_on_seed_step_and_index_alone(folder):
    one, other = Photos(folder, 16, 7), Photos(folder, 16, 7)
    drawn = {(step, index): one[step, index][0] for step in range(3) for index in range(3)}
    for key in reversed(drawn):
        assert torch.equal(other[key][0], drawn[key])
    crops = list(drawn.values())
    assert not any(torch.equal(crops[a], crops[b]) for a in range(9) for b in range(a))
    assert not torch.equal(Photos(folder, 16, 8)[0, 0][0], drawn[0, 0])


def test_places_scales_and_turns(folder):
    """What part of a photograph a crop shows can be read off its colours."""
    photos = Photos(folder, 16, 0)
    windows, lefts, flips = [], [], 0
    for n in range(300):
        crop = photos[n, 0][0]
        assert crop.shape == (3, 16, 16)
        row = crop[0, 8] * 255
        slope = float(row[12] - row[4]) / 8
        assert float(crop[1, 12, 8] - crop[1, 4, 8]) * 255 / 8 == pytest.approx(abs(slope), abs=0.05)  # square, and upright
        flips += slope < 0
        windows.append(abs(slope) * 16)
        lefts.append(float(row.mean()) + 0.5 - windows[-1] / 2)
        assert lefts[-1] > -1
        assert lefts[-1] + windows[-1] < 97
    assert 15 < min(windows) < 17
    assert 75 < max(windows) < 81
    assert min(lefts) < 5
    assert max(lefts) > 60
    assert 100 < flips < 200
    assert np.median(windows) == pytest.approx((16 * 80) ** 0.5, rel=0.15)  # as many enlarge as shrink by any factor


def test_a_small_photograph_is_enlarged(tmp_path):
    for n in range(8):
        ramp(20, 12).save(tmp_path / f"{n}.png")
    crop = Photos(tmp_path, 48, 0)[0, 0][0]
    assert crop.shape == (3, 48, 48)
    assert float(crop[1].max() - crop[1].min()) * 255 == pytest.approx(11, abs=1)


def test_bad_files_are_passed_over_and_told(folder):
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    ramp(200, 3).save(folder / "sliver.png")
    photos = Photos(folder, 16, 0)
    told = [line for n in range(100) for line in photos[n, 0][1]]
    assert {line.split("/")[-1].split()[0] for line in told} == {"broken.jpg", "sliver.png"}
    assert len(set(told)) == 2
    assert all("\n" not in line for line in told)
    assert "200 x 3 pixels" in photos.bad[folder / "sliver.png"]
    crops, passed = collate([photos[n, 0] for n in range(100)])
    assert crops.shape == (100, 3, 16, 16)
    assert passed == told
    fresh = Photos(folder, 16, 0)  # that hasn't met the bad ones yet draws the same
    assert torch.equal(fresh[99, 0][0], crops[99])


@pytest.mark.parametrize("count", [0, 3, AT_LEAST - 1])
def test_too_few(tmp_path, count):
    for n in range(count):
        ramp().save(tmp_path / f"{n}.png")
    (tmp_path / "broken.png").write_bytes(b"")
    with pytest.raises(PictureError) as error:
        Photos(tmp_path, 16, 0)
    assert f"holds {count or 'no'} pictures" in str(error.value)
    assert str(AT_LEAST) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_folder(folder):
    for path in (folder / "absent", folder / "9.png"):
        with pytest.raises(PictureError, match="is no folder"):
            Photos(path, 16, 0)


def test_photographs_that_go_away(folder):
    photos = Photos(folder, 16, 0)
    for file in photos.files:
        file.unlink()
    with pytest.raises(PictureError, match="none of the 10"):
        photos[0, 0]


def test_digest_is_of_the_names(folder):
    before = Photos(folder, 16, 0).digest
    assert Photos(folder, 16, 1).digest == before
    (folder / "9.png").rename(folder / "nine.png")
    assert Photos(folder, 16, 0).digest != before


def test_shown(folder):
    photos = Photos(folder, 80, 0)
    assert photos.shown.shape == (3, 3, 80, 80)
    assert (photos.shown[0, 0, 0] * 255).round().tolist() == list(range(8, 88))


def test_middle():
    wide = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 3, 4, 8) / 8
    assert (middle(wide, 4)[0, 0, 0] * 8).tolist() == [2, 3, 4, 5]


def test_batches_are_shared_out():
    whole = list(batches(3, 6, 4, 0, 1))
    assert whole == [[(step, index) for index in range(4)] for step in (3, 4, 5)]
    shares = [list(batches(3, 6, 4, rank, 2)) for rank in range(2)]
    assert [a + b for a, b in zip(*shares, strict=True)] == whole
