"""The papers' networks, losses and loops written plainly: torch's functions in float64, nothing of ours.

Weights are random, in torchvision's layout. Every published method is a function from a canvas to its weighted losses,
and a loop around it.
"""

import torch
from torch.nn import functional as F

VGG19 = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512)
VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
BGR_MEANS = (103.939, 116.779, 123.68)


def narrower(plan, by):
    return tuple(width if width == "M" else width // by for width in plan)


def vgg_weights(plan, seed):
    """Random weights: `features.N.weight` and `.bias`, He's deviation, as far as the plan goes."""
    generator = torch.Generator().manual_seed(seed)
    state, index, width = {}, 0, 3
    for channels in plan:
        if channels == "M":
            index += 1
            continue
        state[f"features.{index}.weight"] = torch.randn(channels, width, 3, 3, generator=generator) * (2 / (9 * width)) ** 0.5
        state[f"features.{index}.bias"] = 0.1 * torch.randn(channels, generator=generator)
        index, width = index + 2, channels
    return state


def literature_names(plan, state):
    """The same weights as `conv1_1.weight` and so on, the names of networks whose activations are normalised."""
    names, index, block, number = {}, 0, 1, 1
    for channels in plan:
        if channels == "M":
            index, block, number = index + 1, block + 1, 1
            continue
        for kind in ("weight", "bias"):
            names[f"conv{block}_{number}.{kind}"] = state[f"features.{index}.{kind}"]
        index, number = index + 2, number + 1
    return names


def resnet_weights(seed, by=1):
    """Random weights, of layers that much narrower after the first."""
    generator = torch.Generator().manual_seed(seed)
    state = {}

    def convolution(name, out, width, side):
        state[f"{name}.weight"] = torch.randn(out, width, side, side, generator=generator) * (2 / (side * side * width)) ** 0.5

    def normalisation(name, width, scale=1.0):
        state[f"{name}.weight"] = scale * (0.5 + torch.rand(width, generator=generator))
        state[f"{name}.bias"] = 0.1 * torch.randn(width, generator=generator)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(width, generator=generator)
        state[f"{name}.running_var"] = 0.5 + torch.rand(width, generator=generator)

    convolution("conv1", 64, 3, 7)
    normalisation("bn1", 64)
    width = 64
    for group, (full, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        inner = full // by
        for block in range(blocks):
            name = f"layer{group}.{block}"
            for number, (out, entering, side) in enumerate(((inner, width, 1), (inner, inner, 3), (4 * inner, inner, 1)), start=1):
                convolution(f"{name}.conv{number}", out, entering, side)
                normalisation(f"{name}.bn{number}", out, 0.3 if number == 3 else 1.0)
            if block == 0:
                convolution(f"{name}.downsample.0", 4 * inner, width, 1)
                normalisation(f"{name}.downsample.1", 4 * inner)
            width = 4 * inner
    return state


def vgg(state, plan, x, pooling="max"):
    """Every layer of an input that is preprocessed already."""
    layers, index, block, number = {}, 0, 1, 1
    for channels in plan:
        if channels == "M":
            x = (F.max_pool2d if pooling == "max" else F.avg_pool2d)(x, 2)
            layers[f"pool{block}"] = x
            index, block, number = index + 1, block + 1, 1
            continue
        x = F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1)
        layers[f"conv{block}_{number}"] = x
        x = F.relu(x)
        layers[f"relu{block}_{number}"] = x
        index, number = index + 2, number + 1
    return layers


def resnet50(state, x):
    def normalised(x, name):
        return F.batch_norm(x, *(state[f"{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")), eps=1e-5)

    layers = {"conv1": F.conv2d(x, state["conv1.weight"], stride=2, padding=3)}
    layers["relu1"] = F.relu(normalised(layers["conv1"], "bn1"))
    layers["maxpool"] = x = F.max_pool2d(layers["relu1"], 3, 2, 1)
    for group, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            name, stride = f"layer{group}.{block}", 2 if group > 1 and block == 0 else 1
            y = F.relu(normalised(F.conv2d(x, state[f"{name}.conv1.weight"]), f"{name}.bn1"))
            y = F.relu(normalised(F.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1), f"{name}.bn2"))
            y = normalised(F.conv2d(y, state[f"{name}.conv3.weight"]), f"{name}.bn3")
            if block == 0:
                x = normalised(F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride), f"{name}.downsample.1")
            x = F.relu(x + y)
        layers[f"layer{group}"] = x
    return layers


def imagenet(picture):
    mean, deviation = (torch.tensor(values, dtype=picture.dtype).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (picture - mean) / deviation


def caffe(picture):
    return 255 * picture[:, [2, 1, 0]] - torch.tensor(BGR_MEANS, dtype=picture.dtype).view(3, 1, 1)


def half_caffe(picture):
    """What the ResNet-50 variant does: the means of BGR, in [0, 1], taken off RGB."""
    return picture - torch.tensor((0.40760392, 0.45795686, 0.48501961), dtype=picture.dtype).view(3, 1, 1)


def flat(x):
    return x[0].flatten(1)


def gram(x):
    """F Fᵀ, which nothing divides."""
    return flat(x) @ flat(x).T


def softmax(layers):
    """Over all channels and positions of a layer."""
    return {name: (x - x.logsumexp(dim=(0, 1, 2, 3))).exp() for name, x in layers.items()}


def gatys_style(x, s):
    n, m = flat(x).shape
    return (gram(x) - gram(s)).square().sum() / (4 * n**2 * m**2)


def notebook_style(x, s):
    """The mean squared error of Gram matrices divided by their layer's number of values."""
    return F.mse_loss(gram(x) / x.numel(), gram(s) / s.numel())


def variation(x):
    """Σ of squared differences of neighbours."""
    return (x[..., 1:, :] - x[..., :-1, :]).square().sum() + (x[..., 1:] - x[..., :-1]).square().sum()


FIRST = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def gatys2016(x, canvas, content, style):
    return {
        "content": 0.5 * (canvas["relu4_2"] - content["relu4_2"]).square().sum(),
        "style": 1e3 * sum(gatys_style(canvas[layer], style[layer]) / 5 for layer in FIRST),
    }


def texture2015(x, canvas, content, style):
    layers = ("relu1_1", "pool1", "pool2", "pool3", "pool4")
    return {"style": 1e9 * sum(gatys_style(canvas[layer], style[layer]) for layer in layers)}


def inversion2015(x, canvas, content, style):
    pixels = 255 * x - 127.5
    sigma = 69.0**2 * pixels.numel()
    error = (canvas["relu4_2"] - content["relu4_2"]).square().sum() / content["relu4_2"].square().sum()
    return {"content": error, "alpha": 4e-10 * pixels.pow(6).sum() / sigma, "tv": 5 * variation(pixels) / sigma}


def tutorial(x, canvas, content, style):
    layers = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
    return {
        "content": F.mse_loss(canvas["conv2_2"], content["conv2_2"]),
        "style": 1e6 * sum(notebook_style(canvas[layer], style[layer]) for layer in layers),
    }


def keras(x, canvas, content, style):
    pixels, size = 255 * x, x.shape[2] * x.shape[3]
    style_loss = sum((gram(canvas[layer]) - gram(style[layer])).square().sum() / (4 * 3**2 * size**2) / 5 for layer in FIRST)
    down = (pixels[..., :-1, :-1] - pixels[..., 1:, :-1]).square()
    right = (pixels[..., :-1, :-1] - pixels[..., :-1, 1:]).square()
    return {
        "content": 2.5e-8 * (canvas["relu5_2"] - content["relu5_2"]).square().sum(),
        "style": 1e-6 * style_loss,
        "tv": 1e-6 * (down + right).pow(1.25).sum(),
    }


def resnet50_style(x, canvas, content, style):
    depths = {"conv1": 64, "maxpool": 64, "layer1": 256, "layer2": 512, "layer3": 1024, "layer4": 2048}
    return {
        "content": F.mse_loss(canvas["maxpool"], content["maxpool"]),
        "style": sum(1000 / n**2 * F.mse_loss(gram(canvas[layer]), gram(style[layer])) for layer, n in depths.items()),
    }


def swag(x, canvas, content, style):
    canvas, content, style = softmax(canvas), softmax(content), softmax(style)
    layers = ("relu1", "layer1", "layer2", "layer3", "layer4")
    return {
        "content": F.mse_loss(canvas["layer3"], content["layer3"]),
        "style": 1e17 * sum(notebook_style(canvas[layer], style[layer]) for layer in layers),
    }


def vgg16(x, canvas, content, style):
    return {
        "content": 0.5 * (canvas["relu3_3"] - content["relu3_3"]).square().sum(),
        "style": 1e5 * sum(gatys_style(canvas[layer], style[layer]) / 4 for layer in ("relu1_2", "relu2_2", "relu3_3", "relu4_3")),
    }


def remapped(x, s):
    """Each channel's values in place of their rank among the style's; both have the same number of positions."""
    ranks = flat(x).argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    return flat(s).sort(dim=1).values.gather(1, ranks).view(x.shape).detach()


def risser2017(x, canvas, content, style):
    histogram = sum((canvas[layer] - remapped(canvas[layer], style[layer])).square().sum() / 2 for layer in ("relu1_1", "relu4_1"))
    return {
        "content": 0.5 * (canvas["relu4_1"] - content["relu4_1"]).square().sum(),
        "style": 1e6 * sum(gatys_style(canvas[layer], style[layer]) / 4 for layer in FIRST[:4]),
        "histogram": histogram,
        "tv": variation(canvas["conv1_1"]),
    }


def laplacian(x):
    """Pooled by 4, each colour's Laplacian, added up."""
    kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]], dtype=x.dtype).expand(1, 3, 3, 3)
    return F.conv2d(F.avg_pool2d(255 * x, 4), kernel)


def li2017(x, canvas, content, style, photograph):
    return {
        "content": 20 * F.mse_loss(canvas["relu4_2"], content["relu4_2"]),
        "style": 100 * sum(notebook_style(canvas[layer], style[layer]) for layer in FIRST),
        "laplacian": 100 * F.mse_loss(laplacian(x), laplacian(photograph)),
        "tv": 0.5e-3 * variation(255 * x),
    }


def patches(x):
    """All 3x3 patches with a stride of 2, one per row."""
    return F.unfold(x, 3, stride=2)[0].T


def mrf(x, s):
    mine, his = patches(x), patches(s)
    correlation = (mine @ his.T) / mine.norm(dim=1)[:, None] / his.norm(dim=1)
    return (mine - his[correlation.argmax(dim=1)]).square().sum()


def liwand2016(x, canvas, content, style):
    return {
        "content": (canvas["relu4_2"] - content["relu4_2"]).square().sum(),
        "mrf": sum(mrf(canvas[layer], style[layer]) for layer in ("relu3_1", "relu4_1")),
        "tv": 1e-3 * variation(255 * x),
    }


STROTSS_LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_3", "relu5_3")


def hypercolumns(picture, layers):
    """Of every pixel, one per row."""
    size = picture.shape[2:]
    every = [picture, *(F.interpolate(layers[name], size, mode="bilinear") for name in STROTSS_LAYERS)]
    return torch.cat([flat(x) for x in every]).T


def cosine_distances(x, s):
    return 1 - (x @ s.T) / x.norm(dim=1)[:, None] / s.norm(dim=1)


def relaxed(distances):
    return torch.max(distances.min(dim=1).values.mean(), distances.min(dim=0).values.mean())


def strotss2019(x, canvas, content, style, photograph, painting):
    mine, kept, his = (hypercolumns(*pair) for pair in ((x, canvas), (photograph, content), (painting, style)))
    similar = [cosine_distances(one, one) for one in (mine, kept)]
    similar = [one / one.sum(dim=0) for one in similar]
    centred = [one - one.mean(dim=0) for one in (mine, his)]
    spread, wanted = (one.T @ one / len(one) for one in centred)
    basis = torch.tensor([[0.57735, 0.57735, 0.57735], [-0.57735, 0.788675, -0.211325], [-0.57735, -0.211325, 0.788675]], dtype=x.dtype)
    colours, palette = (flat(picture).T @ basis.T for picture in (x, painting))
    square = (colours[:, None] - palette).square().sum(dim=2).clamp(1e-5, 1e5)
    return {
        "selfsimilarity": len(mine) * (similar[0] - similar[1]).abs().mean(),
        "earthmover": relaxed(cosine_distances(mine, his)),
        "cloudmoments": (mine.mean(dim=0) - his.mean(dim=0)).abs().mean() + (spread - wanted).abs().mean(),
        "palette": relaxed(cosine_distances(colours, palette) + (square / 3).sqrt()),
    }


NNST_LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1", "relu4_2", "relu4_3")


def nnst2022(see, start, photograph, painting):
    """The losses of a scale that begins with the canvas ``start``."""

    def columns(picture):
        size = [side // 4 for side in picture.shape[2:]]
        layers = see(picture)
        return torch.cat(
            [F.interpolate(layers[name] / layers[name].shape[1], size, mode="bilinear")[0].flatten(1) for name in NNST_LAYERS]
        ).T

    def centred(x):
        return x - x.mean(dim=0)

    turned = [torch.rot90(painting, turn, (2, 3)) for turn in range(4)]
    his, apart = torch.cat([columns(one) for one in turned]), [see(one) for one in turned]
    wanted = his[cosine_distances(centred(columns(0.75 * photograph + 0.25 * start)), centred(his)).argmin(dim=1)]

    def split(layers, name):
        mine, style = centred(flat(layers[name]).T), centred(torch.cat([flat(one[name]) for one in apart], dim=1).T)
        distances = cosine_distances(mine, style)
        return distances.gather(1, distances.argmin(dim=1, keepdim=True)).mean()

    def losses(canvas):
        mine, layers = columns(canvas), see(canvas)
        return {
            "neighbours": cosine_distances(mine, wanted).diagonal().mean(),
            "splitting": sum(split(layers, name) for name in NNST_LAYERS),
        }

    return losses


def pyramid_loop(losses, start, steps, depth, made):
    """An optimiser of a Laplacian pyramid, whose levels are halved with a bilinear filter and rounded down."""
    parts, rest = [], start
    for _ in range(depth):
        less = F.interpolate(rest, [max(1, side // 2) for side in rest.shape[2:]], mode="bilinear")
        parts.append(rest - F.interpolate(less, rest.shape[2:], mode="bilinear"))
        rest = less
    parts = [part.clone().requires_grad_() for part in (*parts, rest)]
    optimiser, totals = made(parts), []
    for step in range(steps + 1):
        canvas = parts[-1]
        for part in parts[-2::-1]:
            canvas = part + F.interpolate(canvas, part.shape[2:], mode="bilinear")
        if step == steps:
            return totals, canvas.detach()
        optimiser.zero_grad()
        total = sum(losses(canvas).values())
        total.backward()
        optimiser.step()
        totals.append(total.item())
    raise AssertionError
