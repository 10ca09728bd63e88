"""One short file per algorithm, as data: :data:`METHODS` optimise a picture, :data:`NETWORKS` paint in one pass."""

from impasto.methods import (
    arbitrary,
    fast,
    gatys2016,
    impasto,
    inversion2015,
    keras,
    li2017,
    liwand2016,
    resnet50,
    resnet50_swag,
    risser2017,
    texture2015,
    tutorial,
    vgg16,
)
from impasto.methods.method import Elsewhere, Method, Network

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

__all__ = ["METHODS", "NETWORKS", "Elsewhere", "Method", "Network"]
