"""Paint the pictures that networks for any style learn styles from, by hand: `python training/painted.py --images IMAGES --to FOLDER`.

Paintings of PACS have 227 pixels a side, too few to show a stroke. So pictures in their colours are painted anew, larger, by the
methods without a network, in all presets and with brushes of all widths. Those that are there are left as they are.
"""

from pathlib import Path

import click
import numpy as np
from PIL import Image

import impasto

# Method, preset, the widths its brush may have (None where it has none), and how often it is drawn.
MANNERS = (
    ("strokes", "oil", (0.7, 2.2), 4),
    ("strokes", "impressionist", (0.6, 2.0), 4),
    ("strokes", "expressionist", (0.6, 2.0), 4),
    ("strokes", "colourist", (0.6, 2.0), 3),
    ("strokes", "pointillist", (0.6, 1.8), 3),
    ("strokes", "watercolour", (0.7, 2.0), 3),
    ("strokes", "pencil", (0.7, 1.6), 2),
    ("strokes", "graphite", (0.7, 1.6), 1),
    ("regions", "abstraction", None, 2),
    ("regions", "stainedglass", None, 3),
    ("regions", "mosaic", None, 2),
    ("regions", "papercut", None, 3),
    ("regions-strokes", None, (0.7, 2.0), 3),
    ("kuwahara", None, (0.6, 2.5), 2),
)


def recoloured(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A ``picture`` ``[H, W, 3]`` with the mean and covariance of the colours of another (Pitié & Kokaram 2007, equation 6)."""
    flat, wanted = picture.reshape(-1, 3), like.reshape(-1, 3)
    noise = 4e-4 * np.eye(3)

    def root(matrix: np.ndarray, power: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * np.maximum(values, 1e-9) ** power) @ vectors.T

    own = np.cov(flat.T) + noise
    half, inverse = root(own, 0.5), root(own, -0.5)
    matrix = inverse @ root(half @ (np.cov(wanted.T) + noise) @ half, 0.5) @ inverse
    return np.clip((flat - flat.mean(0)) @ matrix + wanted.mean(0), 0, 1).reshape(picture.shape)


def read(file: Path) -> np.ndarray:
    """The picture ``[H, W, 3]`` in [0, 1]."""
    return np.asarray(Image.open(file).convert("RGB"), dtype=np.float64) / 255


def painted(index: int, photographs: list[Path], paintings: list[Path]) -> Image.Image:
    """Picture number ``index``."""
    generator = np.random.default_rng((7, index))
    folder = paintings if generator.random() < 0.5 else photographs
    picture = read(folder[generator.integers(len(folder))])
    if generator.random() < 0.6:
        picture = recoloured(picture, read(paintings[generator.integers(len(paintings))]))
    if generator.random() < 0.5:  # strong colours, as in the styles that people choose
        grey = picture.mean(2, keepdims=True)
        picture = np.clip(0.5 + generator.uniform(1, 1.5) * (grey + generator.uniform(1, 2) * (picture - grey) - 0.5), 0, 1)
    shares = np.array([share for *_, share in MANNERS], float)
    method, preset, widths, _ = MANNERS[generator.choice(len(MANNERS), p=shares / shares.sum())]
    side = int(generator.integers(320, 560))
    options: dict[str, object] = {} if preset is None else {"preset": preset}
    if widths is not None:
        options["brush"] = float(np.exp(generator.uniform(*np.log(widths))))
    else:
        options["detail"] = float(generator.uniform(0.3, 0.9))
    image = Image.fromarray((picture * 255).round().astype(np.uint8))
    scale = side / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    return impasto.stylize(image, method=method, size=side, seed=index, **options)  # type: ignore[arg-type]


@click.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the pictures.")
@click.option("--count", default=3000, show_default=True)
def main(images: Path, folder: Path, count: int) -> None:
    """Paint so many pictures, or as many as are lacking."""
    folder.mkdir(parents=True, exist_ok=True)
    photographs = sorted((images / "imagenet_sample").rglob("*.jpg")) + sorted((images / "imagenet_sample").rglob("*.JPEG"))
    paintings = sorted((images / "pacs/art_painting").rglob("*.jpg"))
    with click.progressbar(range(count), label="Painting") as indices:
        for index in indices:
            file = folder / f"{index:05}.jpg"
            if not file.exists():
                painted(index, photographs, paintings).save(file.with_suffix(".tmp"), "JPEG", quality=93)
                file.with_suffix(".tmp").rename(file)


if __name__ == "__main__":
    main()
