"""The engine's promises: batches, streams, choices of layers, targets, refusals, and a module left as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from failatlas.errors import ModelError, ShapeError, UnknownOperator, UsageError
from failatlas.relevance import Composite, Engine, Relevance, composite_of, heatmaps


class Recurrent(nn.Module):
    """A convolution, an LSTM over columns, and a head with its own ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.lstm = nn.LSTM(12, 7, batch_first=True)
        self.act, self.head = nn.ReLU(), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x)).flatten(1, 2).transpose(1, 2)
        return self.head(self.act(self.lstm(x)[0][:, -1]))


class FixedBatch(nn.Module):
    """A forward that writes its batch size of four down."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.reshape(4, 8) if x.shape[0] == 4 else x.reshape(x.shape[0], 8) * 2)


class Functional(nn.Module):
    """No module but the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = nn.Parameter(torch.randn(4, 1, 3, 3)), nn.Parameter(torch.randn(3, 4))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.relu(F.conv2d(x, self.w)).amax((2, 3)), self.v)


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(36, 6), nn.ReLU(), nn.Linear(6, 3),
    )  # fmt: skip


IMAGES = torch.randn(9, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def engine() -> Engine:
    torch.manual_seed(0)
    return Engine(small(), IMAGES[:2])


def same(a: Relevance, b: Relevance, rows: slice = slice(None)) -> None:
    assert a.layers == b.layers
    for layer in a.layers:
        np.testing.assert_allclose(a[layer], b[layer][rows], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(a.conservation[layer], b.conservation[layer][rows], rtol=1e-3, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 12), start=st.integers(0, 8))
def test_relevance_does_not_depend_on_the_batch(engine: Engine, size: int, start: int) -> None:
    whole = engine.run(IMAGES)
    same(engine.run(IMAGES[start : start + size]), whole, slice(start, start + size))


def test_a_stream_gives_the_same_as_one_batch(engine: Engine) -> None:
    whole = engine.run(IMAGES)
    targets = np.arange(9) % 3
    for batches in (IMAGES, list(IMAGES.split(4))):
        parts = list(engine.stream(batches, batch_size=4))
        assert [len(part) for part in parts] == [4, 4, 1]
        for k, part in enumerate(parts):
            same(part, whole, slice(4 * k, 4 * k + 4))
    chosen = list(engine.stream(IMAGES, targets, batch_size=4))
    np.testing.assert_array_equal(np.concatenate([part.target for part in chosen]), targets)


def test_the_one_call_equals_the_engine_and_keeps_all_images(engine: Engine) -> None:
    torch.manual_seed(0)
    joined = heatmaps(small(), IMAGES, batch_size=4)
    same(joined, engine.run(IMAGES))
    assert len(joined) == 9
    assert repr(joined).startswith("<Relevance epsilon: 9 images, 7 layers, conservation error ≤ ")


def test_chosen_layers_equal_those_of_the_whole_sweep(engine: Engine) -> None:
    whole = engine.run(IMAGES)
    for names in (["3"], ["7", "0"], ["8"]):
        some = engine.using("epsilon", layers=names).run(IMAGES)
        assert some.layers == tuple(sorted(names))
        for layer in some.layers:
            np.testing.assert_array_equal(some[layer], whole[layer])
            np.testing.assert_array_equal(some.conservation[layer], whole.conservation[layer])


def test_a_choice_of_late_layers_passes_fewer_operators(engine: Engine) -> None:
    assert [rule.layer for rule in engine.using("epsilon", layers=["7"]).rules] == ["7", "8"]


def test_results_are_read_only_and_targets_are_the_answers(engine: Engine) -> None:
    relevance = engine.run(IMAGES)
    with pytest.raises(ValueError, match="read-only"):
        relevance["0"][0] = 0
    assert relevance.target.dtype == np.int64
    assert relevance["0"].dtype == np.float32
    # relevance starts from the raw value of the explained output
    np.testing.assert_allclose(relevance["8"].shape, (9, 6))
    forced = engine.run(IMAGES, 1)
    assert set(forced.target.tolist()) == {1}
    for target in (forced.target, forced.target.tolist(), torch.ones(9, dtype=torch.long)):
        np.testing.assert_array_equal(engine.run(IMAGES, target)["0"], forced["0"])


@pytest.mark.parametrize("target", [3, -1, [0, 1], np.full(9, 7)])
def test_a_target_that_does_not_fit_is_refused(engine: Engine, target: Any) -> None:
    with pytest.raises(ShapeError, match="target"):
        engine.run(IMAGES, target)


def test_images_of_another_shape_or_type_are_refused(engine: Engine) -> None:
    for images in (torch.zeros(2, 1, 5, 6), torch.zeros(2, 3, 6, 6), torch.zeros(2, 1, 6, 6, dtype=torch.uint8)):
        with pytest.raises(ShapeError, match="prepared for"):
            engine.run(images)
    with pytest.raises(ShapeError, match="expected images"):
        Engine(small(), torch.zeros(0, 1, 6, 6))


def test_unknown_names_offer_the_nearest(engine: Engine) -> None:
    with pytest.raises(UsageError, match="unknown composite") as caught:
        engine.using("epsilom")
    assert "'epsilon'" in caught.value.remedy
    with pytest.raises(UsageError, match="unknown first-layer rule"):
        composite_of("epsilon+zz")
    with pytest.raises(UsageError, match="unknown layer '9'"):
        engine.using("epsilon", layers=["9"])
    with pytest.raises(UsageError, match="pooling"):
        Composite("x", composite_of("epsilon").dense, composite_of("epsilon").dense, pooling="softly")  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:The tensor attributes")
def test_M1_an_lstm_is_named_with_its_layer_and_three_ways_out() -> None:
    with pytest.raises(UnknownOperator) as caught:
        Engine(Recurrent(), torch.randn(2, 1, 8, 8))
    error = caught.value
    assert error.to_json()["code"] == "E_LRP_OPERATOR"
    assert "aten.lstm.input" in error.what
    assert error.where == "layer lstm"
    for way in ("--layer", "--fallback gradient", "docs/how-to/operator-rule.md"):
        assert way in error.remedy


@pytest.mark.filterwarnings("ignore:The tensor attributes")
def test_M1_an_unknown_operator_before_the_chosen_layer_does_not_matter() -> None:
    images = torch.randn(2, 1, 8, 8)
    relevance = heatmaps(Recurrent(), images, layers=["act", "head"])
    assert relevance.layers == ("act", "head")
    assert relevance["head"].shape == (2, 7)
    assert relevance.fallbacks == ()


@pytest.mark.filterwarnings("ignore:The tensor attributes")
def test_M1_the_gradient_fallback_is_marked_and_reaches_the_pixels() -> None:
    images = torch.randn(2, 1, 8, 8)
    relevance = heatmaps(Recurrent(), images, fallback="gradient")
    assert relevance.fallbacks == (("lstm", "aten.lstm.input"),)
    assert [rule.rule for rule in relevance.rules if rule.layer == "lstm" and "lstm" in rule.operator] == [
        "gradient fallback"
    ]
    assert relevance["conv"].any()
    assert any("aten.lstm.input has no rule and was passed by gradient" in line for line in relevance.warnings)


def test_the_gradient_fallback_is_exact_for_an_operator_that_is_linear() -> None:
    class Fourier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act, self.head = nn.ReLU(), nn.Linear(36, 3, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(
                torch.trapezoid(torch.tril(self.act(x)), dim=1, dx=1.0).flatten(1) + torch.tril(x).flatten(1)
            )

    images = torch.randn(3, 1, 6, 6).abs()
    relevance = heatmaps(Fourier(), images, fallback="gradient")
    assert len(relevance.fallbacks) >= 1
    np.testing.assert_allclose(relevance["act"].sum((1, 2, 3)), relevance.score, rtol=1e-3)


def test_M1_train_mode_left_on_is_explained_in_evaluation_mode_and_stays_on() -> None:
    network = small()
    network.train()
    network[3].eval()
    before = copy.deepcopy(network.state_dict())
    relevance = heatmaps(network, IMAGES)
    assert [child.training for child in network] == [True, True, True, False, True, True, True, True, True]
    assert network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    same(heatmaps(copy.deepcopy(network).eval(), IMAGES), relevance)


def test_the_module_keeps_its_parameters_hooks_and_gradients() -> None:
    network = small().eval()
    network[0].weight.requires_grad_(False)
    network(IMAGES).sum().backward()
    seen: list[int] = []
    handle = network[6].register_forward_hook(lambda *_: seen.append(1))
    flags = [parameter.requires_grad for parameter in network.parameters()]
    pointers = [parameter.data_ptr() for parameter in network.parameters()]
    gradient = network[6].weight.grad.clone()
    images = IMAGES.clone().requires_grad_()
    heatmaps(network, images)
    assert [parameter.requires_grad for parameter in network.parameters()] == flags
    assert [parameter.data_ptr() for parameter in network.parameters()] == pointers
    torch.testing.assert_close(network[6].weight.grad, gradient)
    assert len(network[6]._forward_hooks) == 1
    assert images.grad is None
    handle.remove()
    assert torch.is_grad_enabled()
    assert torch.backends.mha.get_fastpath_enabled()


def test_M1_in_place_relu_gives_what_a_relu_apart_gives() -> None:
    apart = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3))
    in_place = copy.deepcopy(apart)
    in_place[1].inplace = True
    for composite in ("epsilon", "hudd", "alpha2-beta1", "gamma"):
        same(heatmaps(in_place, IMAGES, composite), heatmaps(apart, IMAGES, composite))


def test_M1_a_module_shared_under_two_names_counts_at_both() -> None:
    shared = nn.Linear(36, 36, bias=False)
    network = nn.Sequential(nn.Flatten(), shared, nn.ReLU(), shared, nn.Linear(36, 2, bias=False))
    twin = nn.Sequential(nn.Flatten(), shared, nn.ReLU(), copy.deepcopy(shared), network[4])
    relevance, expected = heatmaps(network, IMAGES), heatmaps(twin, IMAGES)
    assert relevance.layers == ("1", "2", "3", "4")
    for ours, theirs in zip(relevance.layers, expected.layers, strict=True):
        np.testing.assert_allclose(relevance[ours], expected[theirs], rtol=1e-5, atol=1e-8)


def test_M1_a_network_that_export_cannot_follow_is_named() -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1) if float(x.sum()) > 0 else -x.flatten(1)

    with pytest.raises(ModelError, match=r"torch\.export cannot follow"):
        Engine(Branching(), IMAGES)


def test_a_network_with_two_answers_is_refused() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x.flatten(1), x

    with pytest.raises(ModelError, match="one tensor to one tensor"):
        Engine(Two(), IMAGES)


def test_a_network_that_fixes_its_batch_size_is_exported_for_each_size() -> None:
    network = FixedBatch()
    images = torch.randn(6, 1, 2, 4)
    relevance = heatmaps(network, images, batch_size=4)
    x = torch.cat([images[:4].flatten(1), images[4:].flatten(1) * 2])
    with torch.no_grad():
        answers = network.head(x)
    np.testing.assert_array_equal(relevance.target, answers.argmax(1))
    np.testing.assert_allclose(relevance.score, answers.max(1)[0], rtol=1e-5)


def test_a_network_of_functions_names_its_operators() -> None:
    relevance = heatmaps(Functional(), IMAGES)
    assert relevance.layers == ("conv2d", "relu", "amax", "linear")
    assert relevance["relu"].shape == (9, 4, 4, 4)


def test_maps_of_landmarks_start_from_the_whole_map_of_the_target() -> None:
    network = nn.Conv2d(1, 4, 3, bias=False)
    target = np.array([2] * 9)
    relevance = heatmaps(nn.Sequential(network), IMAGES, target=target)
    with torch.no_grad():
        np.testing.assert_allclose(relevance.score, network(IMAGES)[:, 2].sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(relevance["0"].sum((1, 2, 3)), relevance.score, rtol=1e-3, atol=1e-4)


def test_M2_relevance_that_is_not_finite_is_counted_never_zeroed(prepared: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    engine = Engine(small(), IMAGES)
    broken = IMAGES.clone()
    broken[3, 0, 2, 2] = float("nan")
    relevance = engine.run(broken, 0)
    assert np.isnan(relevance["0"][3]).any()
    assert np.isfinite(relevance["0"][[0, 1, 2, 4, 5, 6, 7, 8]]).all()
    assert any(line == "0: relevance of 1 of 9 images is not finite" for line in relevance.warnings)
    assert np.isnan(relevance.conservation["0"][3])


def test_M2_a_conservation_error_beyond_tolerance_is_a_warning_with_its_number() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
    with torch.no_grad():
        network[1].weight.mul_(1e-3)
        network[1].bias.fill_(5.0)
    relevance = heatmaps(network, IMAGES)
    (line,) = relevance.warnings
    assert line.startswith("1: conservation error of 9 of 9 images is above 0.5 (worst ")
    assert relevance.conservation["1"].min() > 0.9
