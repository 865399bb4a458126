"""The networks of lab as plain PyTorch modules: the same names, layouts and functions.

    model = ResNet(3, 16, [1, 1, 1], 10)                                # preset "resnet8" on CIFAR-10
    model.load_state_dict(load_file("runs/NAME/seed-0/model.safetensors"))
    save_file(model.state_dict(), "mine.safetensors")           # lab measure mine.safetensors --data cifar10

with `load_file` and `save_file` of `safetensors.torch`. Weights of a run with `init = "ntk"` must be
multiplied by sqrt(2 / inputs), which lab does in the forward pass. Dropout, where there is any, is not
inside attention in lab; in evaluation that makes no difference.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """`norm`: nn.BatchNorm1d or nn.LayerNorm."""

    def __init__(self, widths, activation=F.relu, norm=nn.Identity):
        super().__init__()
        self.activation = activation
        self.layers = nn.ModuleList(map(nn.Linear, widths, widths[1:]))
        self.norms = nn.ModuleList(norm(width) for width in widths[1:-1])

    def forward(self, x):
        x = x.flatten(1)
        for layer, norm in zip(self.layers, self.norms):
            x = self.activation(norm(layer(x)))
        return self.layers[-1](x)


class Block(nn.Module):
    """Two convolutions and what goes past them."""

    def __init__(self, inputs, outputs, stride, activation, norm, shortcut):
        super().__init__()
        self.activation, self.padding = activation, 0
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)
        self.downsample = nn.Identity()
        if (stride != 1 or inputs != outputs) and shortcut == "padding":
            self.padding = (outputs - inputs) // 2
        elif stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, norm(outputs))

    def forward(self, x):
        hidden = self.activation(self.bn1(self.conv1(x)))
        if self.padding:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        return self.activation(self.bn2(self.conv2(hidden)) + self.downsample(x))


class ResNet(nn.Module):
    """`norm`: nn.BatchNorm2d, `lambda c: nn.GroupNorm(groups, c)` (one group is "layer"), nn.Identity; `stem`: "cifar"
    or "imagenet"; `shortcut`: "projection" or, for widths that are even, "padding"."""

    def __init__(self, channels, width, blocks, classes, activation=F.relu, norm=nn.BatchNorm2d, stem="cifar",
                 shortcut="projection"):
        super().__init__()
        self.activation, self.stages = activation, len(blocks)
        size, stride, self.pool = (3, 1, nn.Identity()) if stem == "cifar" else (7, 2, nn.MaxPool2d(3, 2, 1))
        self.conv1 = nn.Conv2d(channels, width, size, stride, size // 2, bias=False)
        self.bn1 = norm(width)
        inputs = width
        for stage, count in enumerate(blocks):
            outputs, layers = width << stage, []
            for index in range(count):
                stride = 2 if stage and not index else 1
                layers.append(Block(inputs, outputs, stride, activation, norm, shortcut))
                inputs = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.pool(self.activation(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Transformer(nn.Module):
    """`image` is (channels, height, width); `pool` "class" or "mean"."""

    def __init__(self, image, patch, width, depth, heads, mlp_width, classes, pool="class"):
        super().__init__()
        channels, height, columns = image
        self.patch, self.pool = patch, pool
        self.patch_embed = nn.Linear(channels * patch * patch, width)
        if pool == "class":
            self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        tokens = height // patch * (columns // patch) + (pool == "class")
        self.position = nn.Parameter(torch.zeros(1, tokens, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, mlp_width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(F.unfold(x, self.patch, stride=self.patch).mT)
        if self.pool == "class":
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
        x = self.encoder(x + self.position)
        return self.head(self.norm(x[:, 0] if self.pool == "class" else x.mean(1)))
