"""How large a picture is, as far as the size of marks goes."""

THIN = 4  # longest side over shortest, beyond which only the shortest says how large marks are


def extent(size: tuple[int, ...]) -> int:
    """The side in pixels that marks and neighbourhoods are in proportion to: the longest, but no more than ``THIN`` times the shortest.

    So a long thin picture is painted like its parts, and costs what they do; by its longest side, a neighbourhood would be wider than
    the picture, and its cost would grow with the square of that.

    Args:
        size: of the picture, height and width, and whatever follows.
    """
    return min(max(size[:2]), THIN * min(size[:2]))
