"""One short file per algorithm, as data.

:data:`METHODS` optimise a picture, :data:`NETWORKS` paint in one pass, and :data:`RENDERINGS` paint without a network.
"""

from impasto.methods import (
    analogy,
    arbitrary,
    efrosleung,
    fast,
    gatys2016,
    impasto,
    inversion2015,
    keras,
    kuwahara,
    li2017,
    liwand2016,
    quilting,
    regions,
    regions_strokes,
    resnet50,
    resnet50_swag,
    risser2017,
    strokes,
    texture2015,
    tutorial,
    vgg16,
)
from impasto.methods.method import Elsewhere, Method, Network, Rendering

METHODS: dict[str, Method] = {
    module.METHOD.name: module.METHOD
    for module in (
        impasto,
        gatys2016,
        texture2015,
        inversion2015,
        tutorial,
        keras,
        resnet50,
        resnet50_swag,
        vgg16,
        risser2017,
        li2017,
        liwand2016,
    )
}

NETWORKS: dict[str, Network] = {module.METHOD.name: module.METHOD for module in (arbitrary, fast)}

RENDERINGS: dict[str, Rendering] = {
    module.METHOD.name: module.METHOD for module in (strokes, regions, regions_strokes, kuwahara, analogy, quilting, efrosleung)
}

ALL: dict[str, Method | Network | Rendering] = {**METHODS, **NETWORKS, **RENDERINGS}

__all__ = ["ALL", "METHODS", "NETWORKS", "RENDERINGS", "Elsewhere", "Method", "Network", "Rendering"]
