"""The how-to's example runs, and its error message is the one that is raised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from failatlas.errors import UnknownOperator
from failatlas.relevance import Engine
from failatlas.relevance.rules import rule

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "operator-rule.md").read_text(encoding="utf-8")


class Mask(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.triu(torch.relu(x))


def test_the_example_of_the_operator_page_runs() -> None:
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("mask", Mask())
    network.add_module("flat", nn.Flatten())
    with pytest.raises(UnknownOperator) as caught:
        Engine(network, torch.rand(2, 1, 3, 3))
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert shown is not None
    assert str(caught.value) == shown.group(1).replace("\n", " ")
    code = "\n".join(re.findall(r"```python\n(.*?)\n```", PAGE, re.DOTALL))
    try:
        exec(compile(code, "operator-rule.md", "exec"), {"__name__": "operator_rule"})
    finally:
        rule._rules.pop("aten.triu.default", None)


def test_the_table_of_the_page_names_every_argument_of_the_decorator() -> None:
    arguments = set(rule.serves.__annotations__) - {"operators", "return", "weighted"}
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == arguments


def test_a_second_rule_for_an_operator_is_refused() -> None:
    with pytest.raises(TypeError, match="has a rule already"):

        @rule.serves("aten.relu.default")
        def mine(call: rule.Call, R: Tensor) -> rule.Shares:
            """Another."""
            return [R]

    with pytest.raises(TypeError, match="docstring"):

        @rule.serves("aten.something.default")
        def silent(call: rule.Call, R: Tensor) -> rule.Shares:
            return [R]
