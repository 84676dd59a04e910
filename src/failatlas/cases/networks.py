"""Networks: the one small architecture of the rendered case studies.  96 px: 10 million multiplications a picture.

Strides instead of pooling layers keep it quick on a laptop; batch norm lets few epochs do; LRP folds it away.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from failatlas.models import Preprocess


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """Convolutions of stride 2, one of stride 1, two dense layers; (n, channels, *size) → (n, outputs).

    Attributes:
        outputs: classes or numbers.
        size: height and width of the input in px.
        channels: 1 (grey) or 3.
        widths: maps of the stride-2 convolutions; the first is 5 × 5, the others 3 × 3.
        hidden: width of the dense layer.
    """

    outputs: int
    size: tuple[int, int]
    channels: int = 3
    widths: tuple[int, ...] = (16, 32, 64, 96)
    hidden: int = 96

    def preprocess(self) -> Preprocess:
        """How pixels become its input: this size, values from 0 to 1."""
        from failatlas.models import Preprocess

        return Preprocess(size=self.size, channels=self.channels)

    def module(self) -> torch.nn.Module:
        """The network, untrained."""
        from torch import nn

        layers: OrderedDict[str, nn.Module] = OrderedDict()
        height, width = self.size
        before = self.channels
        for number, maps in enumerate((*self.widths, self.widths[-1]), 1):
            side, stride = (5 if number == 1 else 3), (1 if number == len(self.widths) + 1 else 2)
            layers[f"conv{number}"] = nn.Conv2d(before, maps, side, stride=stride, padding=side // 2, bias=False)
            layers[f"norm{number}"] = nn.BatchNorm2d(maps)
            layers[f"relu{number}"] = nn.ReLU()
            before = maps
            if stride == 2:
                height, width = (height + 1) // 2, (width + 1) // 2
        layers["flatten"] = nn.Flatten()
        layers["dense1"] = nn.Linear(before * height * width, self.hidden)
        layers["relu_dense"] = nn.ReLU()
        layers["dropout"] = nn.Dropout(0.2)
        layers["dense2"] = nn.Linear(self.hidden, self.outputs)
        return nn.Sequential(layers)
