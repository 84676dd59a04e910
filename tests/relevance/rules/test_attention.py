"""Attention against the papers' sums, token by token; the fused operator against its spelled-out form."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from failatlas.relevance import Engine, composite_of

T, D = 5, 4


class Attention(nn.Module):
    """Three marked projections of the pixels into queries, keys and values, attention, and a head."""

    def __init__(self, fused: bool, causal: bool = False) -> None:
        super().__init__()
        self.fused, self.causal = fused, causal
        self.q, self.k, self.v = (nn.Linear(6, D, bias=False) for _ in range(3))
        self.mark_q, self.mark_k, self.mark_v, self.mark_out = (nn.Hardtanh(-99, 99) for _ in range(4))
        self.head = nn.Linear(T * D, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0]
        q, k, v = self.mark_q(self.q(x)), self.mark_k(self.k(x)), self.mark_v(self.v(x))
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        else:
            scores = q @ k.transpose(1, 2) / math.sqrt(D)
            if self.causal:
                scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
            out = scores.softmax(-1) @ v
        return self.head(self.mark_out(out).flatten(1))


def by_the_paper(net: Attention, x: Tensor, R: Tensor) -> dict[str, Tensor]:
    """Relevance of queries, keys and values of one image by loops over AttnLRP's propositions 3.1 and 3.3."""
    q, k, v = net.q(x).double(), net.k(x).double(), net.v(x).double()
    scores = q @ k.T / math.sqrt(D)
    p = scores.softmax(-1)
    out = p @ v
    R_p, R_v = torch.zeros(T, T, dtype=torch.double), torch.zeros(T, D, dtype=torch.double)
    for i in range(T):
        for j in range(T):
            for d in range(D):
                share = p[i, j] * v[j, d] / out[i, d] * R[i, d] / 2
                R_p[i, j] += share
                R_v[j, d] += share
    R_q, R_k = torch.zeros(T, D, dtype=torch.double), torch.zeros(T, D, dtype=torch.double)
    for i in range(T):
        for j in range(T):
            R_s = scores[i, j] * (R_p[i, j] - p[i, j] * R_p[i].sum())
            for d in range(D):
                share = q[i, d] * k[j, d] / math.sqrt(D) / scores[i, j] * R_s / 2
                R_q[i, d] += share
                R_k[j, d] += share
    return {"mark_q": R_q, "mark_k": R_k, "mark_v": R_v}


def test_attnlrp_equals_the_propositions_of_its_paper() -> None:
    images = torch.randn(2, 1, T, 6)
    for fused in (True, False):
        net = Attention(fused)
        relevance = Engine(net, images, replace(composite_of("attnlrp"), epsilon=1e-9)).run(images)
        for i in range(2):
            with torch.no_grad():
                expected = by_the_paper(net, images[i, 0], torch.from_numpy(relevance["mark_out"][i].copy()).double())
            for name, value in expected.items():
                scale = 1e-4 * float(value.abs().max())
                np.testing.assert_allclose(relevance[name][i], value, rtol=1e-3, atol=scale, err_msg=f"{name} {fused}")


def test_with_attention_held_fixed_values_take_all_and_nothing_is_lost() -> None:
    images = torch.randn(3, 1, T, 6)
    relevance = Engine(Attention(fused=True), images).run(images)
    np.testing.assert_allclose(relevance["mark_v"].sum((1, 2)), relevance.score, rtol=1e-3)
    assert not relevance["mark_q"].any()
    assert not relevance["mark_k"].any()


def test_the_fused_operator_equals_its_spelled_out_form_with_a_causal_mask_too() -> None:
    images = torch.randn(2, 1, T, 6)
    for causal in (False, True):
        fused, spelled = Attention(True, causal), Attention(False, causal)
        spelled.load_state_dict(fused.state_dict())
        for composite in ("epsilon", "attnlrp"):
            a = Engine(fused, images, composite).run(images)
            b = Engine(spelled, images, composite).run(images)
            for name in ("mark_q", "mark_k", "mark_v", "q"):
                scale = 1e-4 * float(abs(a[name]).max())
                np.testing.assert_allclose(a[name], b[name], rtol=1e-3, atol=scale, err_msg=f"{name} {composite}")
