"""Saves weights as PyTorch, torchvision and timm do, beside what these libraries compute with them.

    python3 -m venv env && env/bin/pip install torch==2.0.1 torchvision==0.15.2 timm==1.0.22 safetensors "numpy<2"
    env/bin/python src/host/tests/baselines/make_pretrained.py                   # pretrained/, which is committed
    env/bin/python src/host/tests/baselines/make_pretrained.py --full FOLDER     # published sizes, 3 GB, not committed

`pretrained/` holds networks of 2, 1 or 16 channels, FOLDER the published ones, all with weights drawn by `fill` of
make_fixtures.py: pretrained weights are not at hand where this was written. Names, nesting, containers and types of numbers are
the libraries' own. FOLDER is checked by

    USHYDRA_PRETRAINED=FOLDER cargo test -p ushydra-host --release full_size -- --ignored --nocapture
"""

import argparse
import json
import pathlib
import re

import timm
import torch
from make_fixtures import fill, filled, strided
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision import models

HERE = pathlib.Path(__file__).with_name("pretrained")


def narrow(network, factor):
    """The same network with one `factor`-th of all channels, but for the picture's and the classes'."""
    last = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]

    def less(channels):
        return channels if channels == 3 else channels // factor

    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d):
            new = nn.Conv2d(less(module.in_channels), less(module.out_channels), module.kernel_size, module.stride,
                            module.padding, bias=module.bias is not None)
        elif isinstance(module, nn.BatchNorm2d):
            new = nn.BatchNorm2d(less(module.num_features))
        elif isinstance(module, nn.Linear):
            new = nn.Linear(less(module.in_features), module.out_features if name == last else less(module.out_features))
        else:
            continue
        *parents, child = name.split(".")
        setattr(network.get_submodule(".".join(parents)), child, new)
    return network


def halves(state):
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def checkpoint(state):
    """As a training with several GPUs leaves it: the moments of the optimiser are tensors too, and come first."""
    moments = {0: {"momentum_buffer": torch.ones(2, 3, 7, 7)}}
    return {"epoch": 3, "optimizer": {"state": moments}, "state_dict": {f"module.{k}": v for k, v in state.items()}}


def of_2018(state):
    """Names of the DenseNets in torchvision's published files, which its loader renames."""
    old = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))([12]\..*)$")
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    return {old.sub(r"\1.\2", name): tensor for name, tensor in state.items()}


def of_2021(state):
    """Names of the transformers in torchvision's published files, which its loader renames."""
    return {k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v for k, v in state.items()}


def written(folder, name, network, shape, answers, save=lambda state: state, legacy=False, **told):
    """Saves the network's weights and returns what it computes with them as they were saved."""
    network = filled(network).eval()
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if told.pop("half", False):
        network.load_state_dict({k: v.to(w.dtype) for (k, v), w in
                                 zip(halves(network.state_dict()).items(), network.state_dict().values())})
        before, save = save, lambda state: halves(before(state))
    if path.suffix == ".safetensors":
        save_file(network.state_dict(), path)
    else:
        torch.save(save(network.state_dict()), path, _use_new_zipfile_serialization=not legacy)
    with torch.no_grad():
        out = answers(network, fill("input", shape))
    out = out["out"] if isinstance(out, dict) else out
    print(f"{name}: {path.stat().st_size} bytes", flush=True)
    return {"file": name, **told, "input": list(shape), "greatest": float(out.abs().max()), "values": strided(out)}


def logits(network, image):
    return network(image)


def tokens(network, image):
    """Class token and mean patch token after the last block, as `12.class` and `12.mean` of a recipe."""
    if isinstance(network, VisionTransformer):
        x = network.forward_features(image)
    else:
        x = network._process_input(image)
        x = network.encoder(torch.cat([network.class_token.expand(len(x), -1, -1), x], 1))
    return torch.cat([x[:, 0], x[:, 1:].mean(1)], 1)


def small():
    m, pair, patch = models, (2, 3, 64, 48), (1, 3, 28, 28)
    narrow18 = {"architecture": "resnet18", "width": 2, "classes": 5}
    vit = {"blocks": 2, "heads": 2}
    timm_vit = VisionTransformer(img_size=28, patch_size=7, embed_dim=16, depth=2, num_heads=2, num_classes=5, init_values=1.0)
    vision_vit = m.VisionTransformer(28, 7, 2, 2, 16, 64, num_classes=5)
    HERE.mkdir(exist_ok=True)
    torch.save({"conv1.weight": torch.zeros(1).expand(1000, 1000)}, HERE / "expanded.pth")
    return {
        "made_with": {library.__name__: library.__version__ for library in (torch, __import__("torchvision"), timm)},
        "classifiers": [
            written(HERE, "resnet18-checkpoint.pth", narrow(m.resnet18(num_classes=5), 32), pair, logits, checkpoint,
                    **narrow18),
            written(HERE, "resnet18-legacy.pth", narrow(m.resnet18(num_classes=5), 32), pair, logits, legacy=True,
                    half=True, **narrow18),
            written(HERE, "vgg16-timm.pth", narrow(timm.create_model("vgg16", num_classes=5), 64), (1, 3, 224, 224), logits,
                    half=True, architecture="vgg16", width=1, classes=5),
        ],
        "transformers": [
            written(HERE, "vit-timm.pth", timm_vit, patch, tokens, **vit),
            written(HERE, "vit-torchvision.pth", vision_vit, patch, tokens, of_2021, legacy=True, **vit),
        ],
    }


def full(folder):
    m, image, picture = models, (1, 3, 64, 64), (1, 3, 224, 224)
    seg = {"weights": None, "weights_backbone": None}

    def of(architecture, **more):
        return {"architecture": architecture, "width": 64, "classes": 1000, **more}

    return {
        "classifiers": [
            written(folder, "torchvision-resnet18.pth", m.resnet18(), image, logits, **of("resnet18")),
            written(folder, "torchvision-resnet18-legacy.pth", m.resnet18(), image, logits, legacy=True, **of("resnet18")),
            written(folder, "torchvision-resnet50.pth", m.resnet50(), image, logits, **of("resnet50")),
            written(folder, "torchvision-vgg16.pth", m.vgg16(), image, logits, **of("vgg16")),
            written(folder, "torchvision-densenet121-2018.pth", m.densenet121(), image, logits, of_2018, legacy=True,
                    **of("densenet121")),
            written(folder, "timm-resnet18.pth", timm.create_model("resnet18"), image, logits, **of("resnet18")),
            written(folder, "timm-resnet18.safetensors", timm.create_model("resnet18"), image, logits, **of("resnet18")),
            written(folder, "timm-resnet50-half.pth", timm.create_model("resnet50"), image, logits, half=True,
                    **of("resnet50")),
            written(folder, "timm-densenet121.pth", timm.create_model("densenet121"), image, logits, **of("densenet121")),
            written(folder, "timm-vgg16.pth", timm.create_model("vgg16"), picture, logits, **of("vgg16")),
            written(folder, "timm-vgg16-bn.pth", timm.create_model("vgg16_bn"), picture, logits,
                    **of("vgg16", batch_norm=True)),
            written(folder, "torchvision-deeplab-v3.pth", m.segmentation.deeplabv3_resnet50(aux_loss=True, **seg), image,
                    logits, **of("deeplab-v3", classes=21)),
        ],
        "transformers": [
            written(folder, "timm-vit-small-patch14-dinov2.pth",
                    timm.create_model("vit_small_patch14_dinov2", img_size=224), picture, tokens, blocks=12),
            written(folder, "timm-vit-tiny-patch16.pth", timm.create_model("vit_tiny_patch16_224"), picture, tokens, blocks=12),
            written(folder, "torchvision-vit-b-16.pth", m.vit_b_16(), picture, tokens, of_2021, blocks=12),
        ],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=pathlib.Path)
    target = parser.parse_args().full
    torch.set_num_threads(1)
    folder = HERE if target is None else target
    folder.mkdir(parents=True, exist_ok=True)
    found = small() if target is None else full(target)
    (folder / "pretrained.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
