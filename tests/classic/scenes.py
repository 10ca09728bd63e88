"""Pictures made for the tests of regions."""

import numpy as np

RED, BLUE, CREAM, GREEN = (0.8, 0.1, 0.1), (0.1, 0.2, 0.7), (0.95, 0.9, 0.7), (0.1, 0.5, 0.2)


def shapes(height=150, width=200):
    """Discs and a rectangle of flat colours, and which of them each pixel shows."""
    y, x = np.mgrid[:height, :width] + 0.5
    labels = np.zeros((height, width), int)
    labels[(x - 50) ** 2 + (y - 50) ** 2 < 30**2] = 1
    labels[(x - 150) ** 2 + (y - 100) ** 2 < 25**2] = 2
    labels[100:140, 20:90] = 3
    return np.float32([CREAM, RED, BLUE, GREEN])[labels], labels


def photograph(seed=0, size=(96, 128)):
    """Blots of colour of several sizes, and some noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    picture = np.full((*size, 3), 0.5)
    for radius in (40, 20, 20, 10, 10, 10):
        inside = (x - generator.uniform(0, size[1])) ** 2 + (y - generator.uniform(0, size[0])) ** 2 < radius**2
        picture[inside] = generator.uniform(0, 1, 3)
    return np.clip(picture + generator.normal(0, 0.02, picture.shape), 0, 1).astype(np.float32)
