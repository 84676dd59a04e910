"""Fashion: 28 × 28 photographs of clothes (Fashion-MNIST) and a small network that mistakes about one in ten.

Source: Xiao, Rasul, Vollgraf, arXiv 1708.07747, 2017; MIT licence, see ``data/fashion/NOTICE``. The package carries the
10,000 test photographs and the last 10,000 training photographs as improvement set; the reference network learned from
the first 50,000, so it has seen none of them. With Debian's ``dataset-fashion-mnist`` the training split is there too.
"""

from __future__ import annotations

import gzip
import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.cases.case import cases
from failatlas.errors import DataError, UsageError

if TYPE_CHECKING:
    import torch

    from failatlas.images import ImageSet
    from failatlas.models.model import WhiteBox
    from failatlas.tasks.task import Task

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
N_TRAIN = 50_000  # the rest of the 60,000 is the improvement set
FULL_SET = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
SHA256 = {
    "test-images.gz": "a1725d57fc996bcaea08b54499f132a54475a7d8a6ebce2fe65f8a479b2a8674",
    "test-labels.gz": "bad34aa92450454a281e4959ab5a22f03213e21212f4261dadf52e42fa6cd580",
    "improvement-images.gz": "3c4051c801bae66b07dddb8fa28d0b76c1136b628a6ddac160da93f70eafb9dd",
    "improvement-labels.gz": "ce130dfc0591e151fd52ea36646fad6a34626a23c3cc34a4a6ef60c59288e634",
    "network.safetensors": "4df33c73163669c90cb229b189012cf2397b5712774668c572d9afb96d40249f",
}


def network() -> torch.nn.Module:
    """The reference network, untrained: two convolutions, two dense layers; (n, 1, 28, 28) → (n, 10)."""
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, 3, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(32 * 7 * 7, 64),
            relu3=nn.ReLU(),
            dropout=nn.Dropout(0.25),
            dense2=nn.Linear(64, 10),
        )
    )


@cases.register("fashion", source="Xiao et al., arXiv 1708.07747")
class Fashion:
    """Clothes on 28 × 28 grey photographs, ten classes; the reference network fails on about 1,000 of 10,000."""

    title = "Fashion-MNIST photographs of clothes"
    splits = ("test", "improvement", "train")
    licence = "MIT (images), Apache-2.0 (network)"

    def images(self, split: str) -> ImageSet:
        """10,000 test or improvement photographs; 50,000 training ones where Debian's data set is installed.

        Raises:
            UsageError: no such split, or the training split is asked for without the full data set.
        """
        from failatlas.images import ImageSet

        pixels, labels = self._arrays(split)
        return ImageSet.from_arrays(
            pixels,
            labels=[CLASSES[label] for label in labels],
            ids=[f"{split}-{number:05d}.png" for number in range(len(labels))],
            split=split,
        )

    def model(self) -> WhiteBox:
        """The reference network with its trained weights (card: ``data/fashion/network.md``)."""
        from failatlas.models import Preprocess
        from failatlas.models.module import TorchModel
        from failatlas.models.weights import load_weights

        module = network().eval()
        with resources.as_file(_data("network.safetensors")) as path:
            load_weights(module, path)
        return TorchModel(
            module, Preprocess(size=(28, 28), channels=1), name="fashion reference network", classes=CLASSES
        )

    def task(self) -> Task:
        """Classification into the ten classes."""
        from failatlas.tasks import Classification

        return Classification(CLASSES)

    def _arrays(self, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if split in ("test", "improvement"):
            return _idx(_read(f"{split}-images.gz")), _idx(_read(f"{split}-labels.gz"))
        if split != "train":
            raise UsageError(
                f"case 'fashion' has no split {split!r}", remedy=f"choose one of: {', '.join(self.splits)}"
            )
        files = [FULL_SET / f"train-{what}.gz" for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
        if not all(file.is_file() for file in files):
            raise UsageError(
                "the training split of case 'fashion' is not shipped",
                where=str(FULL_SET),
                remedy="apt-get install dataset-fashion-mnist",
            )
        images, labels = (_idx(file.read_bytes()) for file in files)
        return images[:N_TRAIN], labels[:N_TRAIN]


def _data(name: str) -> resources.abc.Traversable:
    return resources.files("failatlas.cases") / "data" / "fashion" / name


def _read(name: str) -> bytes:
    data = _data(name).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise DataError("a shipped file has changed", where=name, remedy="reinstall failatlas")
    return data


def _idx(data: bytes) -> NDArray[np.uint8]:
    """Decode a gzipped IDX file of unsigned bytes: magic 00 00 08 rank, big-endian sizes, values."""
    raw = gzip.decompress(data)
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", count=rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape.astype(int))
