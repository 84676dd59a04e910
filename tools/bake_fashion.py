"""Bake the fashion case study: pack its photographs and train its reference network.

python tools/bake_fashion.py pack    # from Debian's dataset-fashion-mnist
python tools/bake_fashion.py train   # about two minutes on two cores; writes network.safetensors and its card
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

from failatlas.cases.fashion import FULL_SET, N_TRAIN, _idx, network

DATA = Path(__file__).parents[1] / "src/failatlas/cases/data/fashion"
SEED, EPOCHS, BATCH, RATE = 0, 4, 64, 1e-3


def pack() -> None:
    """Write the test set and the improvement set as gzipped IDX, the same bytes every time."""
    for name, source, first in (("test", "t10k", 0), ("improvement", "train", N_TRAIN)):
        for what, kind in (("images", "images-idx3-ubyte"), ("labels", "labels-idx1-ubyte")):
            values = _idx((FULL_SET / f"{source}-{kind}.gz").read_bytes())[first : first + 10_000]
            header = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes()
            # level 9 and no time stamp: small, and equal whenever it is baked
            (DATA / f"{name}-{what}.gz").write_bytes(gzip.compress(header + values.tobytes(), 9, mtime=0))
    hashes()


def train() -> None:
    """Train on the first 50,000 training photographs with Adam; report accuracy on the test set."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    images = torch.from_numpy(_idx((FULL_SET / "train-images-idx3-ubyte.gz").read_bytes())[:N_TRAIN].copy())
    labels = torch.from_numpy(_idx((FULL_SET / "train-labels-idx1-ubyte.gz").read_bytes())[:N_TRAIN].copy()).long()
    net = network()
    adam = torch.optim.Adam(net.parameters(), lr=RATE)
    for epoch in range(EPOCHS):
        net.train()
        for rows in torch.randperm(N_TRAIN).split(BATCH):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(images[rows].unsqueeze(1) / 255), labels[rows])
            loss.backward()
            adam.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, test accuracy {accuracy(net):.4f}")
    save_file(net.state_dict(), DATA / "network.safetensors")
    (DATA / "network.md").write_text(
        f"""# Reference network of the fashion case study

Two convolutions (16, 32 maps) and two dense layers (64, 10), {sum(p.numel() for p in net.parameters()):,} weights;
input 28 × 28 grey, 0–1. Trained by `tools/bake_fashion.py train` on the first {N_TRAIN:,} training photographs of
Fashion-MNIST: Adam {RATE:g}, batch {BATCH}, {EPOCHS} epochs, dropout 0.25, seed {SEED}, torch {torch.__version__}.
Accuracy on the 10,000 test photographs: {accuracy(net):.2%}. It has not seen the improvement set. Licence: Apache-2.0.
""",
        encoding="utf-8",
    )
    hashes()


def accuracy(net) -> float:
    """Share of the 10,000 test photographs that the network names rightly."""
    import torch

    net.eval()
    images = torch.from_numpy(_idx((FULL_SET / "t10k-images-idx3-ubyte.gz").read_bytes()).copy())
    labels = torch.from_numpy(_idx((FULL_SET / "t10k-labels-idx1-ubyte.gz").read_bytes()).copy())
    with torch.inference_mode():
        return (net(images.unsqueeze(1) / 255).argmax(1) == labels).float().mean().item()


def hashes() -> None:
    """Print what belongs into SHA256 in failatlas/cases/fashion.py."""
    for file in sorted(DATA.glob("*.gz")) + sorted(DATA.glob("*.safetensors")):
        print(f'    "{file.name}": "{hashlib.sha256(file.read_bytes()).hexdigest()}",')


if __name__ == "__main__":
    {"pack": pack, "train": train}[sys.argv[1]]()
