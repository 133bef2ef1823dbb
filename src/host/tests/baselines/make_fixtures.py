"""Makes fixtures.json: what PyTorch and torchvision compute with the networks of src/baselines.

    python3 -m venv env && env/bin/pip install torch==2.0.1 torchvision==0.15.2 "numpy<2"
    env/bin/python src/host/tests/baselines/make_fixtures.py

Weights and pictures are not shipped: both sides draw them from the name of a tensor (SplitMix64 seeded with its FNV-1a hash),
see `fill` here and in src/baselines/tests/parity.rs. SegNet and DoFE are not in torchvision; they are written down here a
second time, in PyTorch.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.resnet import BasicBlock, ResNet, conv3x3
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCN, FCNHead

CLASSES, STRUCTURES, DOMAINS = 10, 21, 3
KEPT = 24


def fill(name, shape):
    """Values of a tensor as a function of its name and shape."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(11)).astype(np.float64) / 2.0**53 - 0.5
    fan_in = max(int(np.prod(shape[1:])), 1)
    if name == "input":
        values = 4 * u
    elif name.endswith("running_var"):
        values = 1 + 0.5 * u
    elif name.endswith("running_mean"):
        values = 0.2 * u
    elif name.endswith("running_prior"):
        values = u
    elif len(shape) == 1:
        values = 1 + 0.2 * u if name.endswith("weight") else 0.2 * u
    else:
        values = u * np.sqrt((24.0 if len(shape) == 4 else 12.0) / fan_in)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def filled(network):
    state = network.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = fill(name, tuple(tensor.shape))
    network.load_state_dict(state)
    return network


class DilatedBlock(BasicBlock):
    """torchvision's refuses a dilation; ours has it at both convolutions."""

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None):
        super().__init__(inplanes, planes, stride, downsample, groups, base_width, 1, norm_layer)
        self.conv1 = conv3x3(inplanes, planes, stride, dilation=dilation)
        self.conv2 = conv3x3(planes, planes, dilation=dilation)


def backbone18(stages):
    network = ResNet(DilatedBlock, [2, 2, 2, 2], replace_stride_with_dilation=[False, True, True])
    return IntermediateLayerGetter(network, stages)


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class SegNet(nn.Module):
    """Badrinarayanan et al. 2017."""

    def __init__(self, outputs):
        super().__init__()
        self.features = models.vgg16_bn().features
        widths = [512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64]
        self.decoder = nn.ModuleList(Unit(i, o) for i, o in zip([512] + widths[:-1], widths))
        self.last = nn.Conv2d(64, outputs, 3, padding=1)

    def forward(self, x):
        places = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                size = x.shape[-2:]
                x, at = F.max_pool2d(x, 2, return_indices=True)
                places.append((at, size))
            else:
                x = layer(x)
        units = iter(self.decoder)
        for count, (at, size) in zip([3, 3, 3, 2, 1], reversed(places)):
            x = F.max_unpool2d(x, at, 2, output_size=size)
            for _ in range(count):
                x = next(units)(x)
        return self.last(x)


class Pool(nn.Module):
    def __init__(self, domains, channels):
        super().__init__()
        self.register_buffer("running_prior", torch.zeros(domains, channels))


class DoFE(nn.Module):
    """Wang et al. 2020, on the backbone and pyramid of DeepLab v3."""

    def __init__(self, outputs, domains):
        super().__init__()
        self.backbone = backbone18({"layer4": "out"})
        self.classifier = DeepLabHead(512, outputs)
        self.code = nn.ModuleList([nn.Linear(512, 256), nn.Linear(256, domains)])
        self.gate = nn.Conv2d(256, 256, 1)
        self.pool = Pool(domains, 256)

    def forward(self, image):
        fourth = self.backbone(image)["out"]
        code = self.code[1](F.relu(self.code[0](fourth.mean((2, 3)))))
        semantic = fourth
        for layer in list(self.classifier)[:4]:
            semantic = layer(semantic)
        knowledge = code.softmax(1) @ self.pool.running_prior
        embedded = semantic + torch.tanh(self.gate(semantic)) * knowledge[:, :, None, None]
        return F.interpolate(self.classifier[4](embedded), image.shape[-2:], mode="bilinear", align_corners=False)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def strided(tensor):
    flat = tensor.detach().flatten()
    return [float(v) for v in flat[:: max(1, flat.numel() // KEPT)][:KEPT]]


def case(name, network, shape, published=None):
    network = filled(network).eval()
    image = fill("input", shape)
    with torch.no_grad():
        out = network(image)
    out = out["out"] if isinstance(out, dict) else out
    return {
        "name": name,
        "parameters": parameters(network),
        "published": None if published is None else parameters(published),
        "input": list(shape),
        "greatest": float(out.abs().max()),
        "values": strided(out),
    }


def step(network, shape, of, kind):
    """Loss `mean(out^2)`, its gradient and the running mean after one step in training mode."""
    network = filled(network).train().to(kind)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    loss = (network(fill("input", shape).to(kind)) ** 2).mean()
    loss.backward()
    return float(loss), dict(network.named_parameters())[of[0]].grad.double(), network.state_dict()[of[1]]


def training(name, make, shape, of):
    """In double precision. `rounding` is how far PyTorch's own single precision lies from it: the maxima of SegNet and
    normalisation over the few values of the last maps magnify rounding."""
    loss, gradient, running = step(make(), shape, of, torch.float64)
    _, single, _ = step(make(), shape, of, torch.float32)
    return {
        "name": name,
        "input": list(shape),
        "loss": loss,
        "gradient_of": of[0],
        "gradient": strided(gradient),
        "rounding": float((single - gradient).abs().max() / gradient.abs().max()),
        "running_of": of[1],
        "running": strided(running),
    }


def main():
    torch.set_num_threads(1)
    small, pair = (1, 3, 64, 64), (2, 3, 64, 48)
    m, seg = models, models.segmentation
    fcn18 = FCN(backbone18({"layer4": "out", "layer3": "aux"}), FCNHead(512, STRUCTURES), FCNHead(256, STRUCTURES))
    plain = {"weights": None, "weights_backbone": None, "num_classes": STRUCTURES}
    cases = [
        case("resnet18", m.resnet18(num_classes=CLASSES), pair, m.resnet18()),
        case("resnet50", m.resnet50(num_classes=CLASSES), small, m.resnet50()),
        case("vgg16", m.vgg16(num_classes=CLASSES), small, m.vgg16()),
        case("densenet121", m.densenet121(num_classes=CLASSES), small, m.densenet121()),
        case("fcn", seg.fcn_resnet50(aux_loss=True, **plain), small, seg.fcn_resnet50(aux_loss=True, **plain)),
        case("fcn-resnet18", fcn18, pair),
        case("segnet", SegNet(STRUCTURES), pair),
        case("deeplab-v3", seg.deeplabv3_resnet50(aux_loss=True, **plain), small,
             seg.deeplabv3_resnet50(aux_loss=True, **plain)),
        case("dofe", DoFE(STRUCTURES, DOMAINS), pair),
    ]
    steps = [
        training("resnet18", lambda: m.resnet18(num_classes=CLASSES), pair, ("conv1.weight", "bn1.running_mean")),
        training("densenet121", lambda: m.densenet121(num_classes=CLASSES), pair,
                 ("features.conv0.weight", "features.norm5.running_mean")),
        training("segnet", lambda: SegNet(STRUCTURES), pair, ("features.0.weight", "features.1.running_mean")),
        training("dofe", lambda: DoFE(STRUCTURES, DOMAINS), pair, ("backbone.conv1.weight", "classifier.2.running_mean")),
    ]
    made_with = {"torch": torch.__version__, "torchvision": __import__("torchvision").__version__}
    target = pathlib.Path(__file__).with_name("fixtures.json")
    target.write_text(json.dumps({"made_with": made_with, "cases": cases, "steps": steps}, indent=1) + "\n")


if __name__ == "__main__":
    main()
