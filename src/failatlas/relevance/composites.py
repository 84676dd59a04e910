"""Composite: which rule serves which kind of layer; the literature's compositions under their names."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from failatlas.errors import UsageError
from failatlas.relevance.rules.weighted import (
    AlphaBeta,
    Box,
    Epsilon,
    Flat,
    Gamma,
    Rectified,
    WeightRule,
    WSquare,
    ZPlus,
)

if TYPE_CHECKING:
    from failatlas.relevance.program import Operation


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules by kind of layer.

    Attributes:
        name: what ``composite=`` and the report call it.
        dense: rule of dense layers.
        convolution: rule of convolutions, transposed ones too.
        first: rule of the layers that read the pixels; None = as any other layer.
        epsilon: stabiliser of sums, averages, norms and attention; added with the denominator's sign.
        pooling: ``"winner"``: a maximum's winner takes all; ``"rescaled"``: times y / (y + ε), as HUDD does.
        normalisation: ``"epsilon"`` shares a norm's relevance by contribution, ``"identity"`` passes it on.
        products: ``"signal"``: gates and attention weights get nothing; ``"half"``: both factors get half (AttnLRP).
        source: where the composition comes from.
    """

    name: str
    dense: WeightRule
    convolution: WeightRule
    first: WeightRule | None = None
    epsilon: float = 1e-6
    pooling: Literal["winner", "rescaled"] = "winner"
    normalisation: Literal["epsilon", "identity"] = "epsilon"
    products: Literal["signal", "half"] = "signal"
    source: str = ""

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("pooling", self.pooling, ("winner", "rescaled")),
            ("normalisation", self.normalisation, ("epsilon", "identity")),
            ("products", self.products, ("signal", "half")),
        ):
            if value not in choices:
                raise UsageError(
                    f"{name}={value!r}", where=f"composite {self.name}", remedy=f"choose one of {', '.join(choices)}"
                )
        if not self.epsilon >= 0:
            raise UsageError(f"epsilon={self.epsilon}", where=f"composite {self.name}", remedy="set epsilon ≥ 0")

    def weight_rule(self, operation: Operation) -> WeightRule:
        """The rule of a layer with weights."""
        if operation.first and self.first is not None:
            return self.first
        return self.convolution if "conv" in operation.operator else self.dense


_EPSILON = Composite("epsilon", Epsilon(), Epsilon(), source="Bach et al., PLoS ONE 10(7), 2015, eq. 58")
_EPSILON_ZPLUS = Composite(
    "epsilon-zplus", Epsilon(), ZPlus(), normalisation="identity", source="Montavon et al., LNCS 11700, 2019, §10.3"
)
_TABLE = (
    Composite(
        "hudd",
        ZPlus(1e-9, positive_inputs=True),
        Rectified(1e-9),
        epsilon=1e-9,
        pooling="rescaled",
        source="public HUDD implementation; Fahmy et al., IEEE Trans. Reliability 70(4), 2021",
    ),
    _EPSILON,
    _EPSILON_ZPLUS,
    replace(_EPSILON_ZPLUS, name="epsilon-zplus-box", first=Box()),
    replace(_EPSILON_ZPLUS, name="epsilon-zplus-flat", first=Flat()),
    Composite("zplus", ZPlus(), ZPlus(), normalisation="identity", source="Montavon et al., Pattern Recogn. 65, 2017"),
    Composite(
        "alpha2-beta1",
        AlphaBeta(),
        AlphaBeta(),
        normalisation="identity",
        source="Bach et al., PLoS ONE 10(7), 2015, eq. 60",
    ),
    Composite(
        "epsilon-alpha2-beta1",
        Epsilon(),
        AlphaBeta(),
        normalisation="identity",
        source="Kohlbrenner et al., IJCNN 2020",
    ),
    Composite("gamma", Gamma(), Gamma(), source="Montavon et al., LNCS 11700, 2019, §10.2.3"),
    replace(_EPSILON, name="attnlrp", products="half", source="Achtibat et al., ICML 2024"),
)
composites: dict[str, Composite] = {composite.name: composite for composite in _TABLE}
first_rules: dict[str, WeightRule] = {"zb": Box(), "flat": Flat(), "w-square": WSquare()}


def composite_of(choice: str | Composite) -> Composite:
    """A composite by its name, or the one given; ``"epsilon+zb"`` adds a first-layer rule (zb, flat, w-square).

    Raises:
        UsageError: unknown name; the message offers the nearest.

    >>> composite_of("epsilon+flat").first
    Flat(epsilon=1e-09)
    """
    if isinstance(choice, Composite):
        return choice
    name, plus, first = choice.partition("+")
    _known("composite", name, composites)
    if not plus:
        return composites[name]
    _known("first-layer rule", first, first_rules)
    return replace(composites[name], name=choice, first=first_rules[first])


def _known(kind: str, name: str, table: dict[str, Composite] | dict[str, WeightRule]) -> None:
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"unknown {kind} {name!r}", remedy=f"{hint}choose one of: {', '.join(table)}")
