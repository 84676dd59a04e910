r"""Condition: which scenes are meant, over parameters and labels by name, as a person writes it.

>>> where = Condition.parse("abs(head_yaw) > 30 and glasses = sun")
>>> where.holds({"head_yaw": -41.0, "glasses": "sun"}), where.holds({"head_yaw": -41.0, "glasses": "none"})
(True, False)

| written | means |
|---|---|
| `yaw > 30`, `yaw >= 30`, `yaw < 30`, `yaw <= 30`, `30 < yaw` | a number on one side of another |
| `10 <= yaw < 20`, `yaw in 10..20` | between two; `..` has both ends, and `sun in 350..10` passes through the turn |
| `time = dusk`, `time == dusk`, `time != dusk` | a text or a number that is equalled, or not |
| `time in dusk\|night`, `time not in dusk\|night` | one of several, or none of them |
| `abs(yaw) > 30` | of the number without its sign |
| `not …`, `… and …`, `… or …`, `( … )` | in this order of strength |
| `'50'`, `"not"` | quotes for a text that looks like a number or a word of the language |

A number that could not be measured (nan) satisfies no comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from failatlas.parameters import Space, Values
from failatlas.simulators.expressions import Node, unknown_name
from failatlas.simulators.grammar import parsed


@dataclass(frozen=True, slots=True, repr=False)
class Condition:
    """What a scene must fulfil; its ``repr`` is the canonical text, which parses to an equal condition.

    Attributes:
        root: the parsed expression.
    """

    root: Node

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition that ``text`` says, in the language of this module.

        Raises:
            UsageError: it says none; names the place.
        """
        return cls(parsed(text))

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters and labels it speaks of, in order of first mention."""
        return tuple(dict.fromkeys(leaf.quantity.name for leaf in self.root.leaves()))

    def holds(self, values: Values) -> bool:
        """Whether a scene with these parameters and labels fulfils it.

        Raises:
            UsageError: a name is missing, or a text is compared with a number.
        """
        return self.root.holds(values)

    def check(self, known: Space | Iterable[str]) -> None:
        """Refuse a condition that cannot be meant.

        Args:
            known: the space of the simulator, or merely the names there are.

        Raises:
            UsageError: an unknown name (with the nearest known one); of a space also a text compared with a number, a
                value outside the range or none of the choices: names parameter, value and range.
        """
        names = known.names if isinstance(known, Space) else tuple(known)
        for leaf in self.root.leaves():
            if leaf.quantity.name not in names:
                raise unknown_name(leaf.quantity.name, names)
            if isinstance(known, Space):
                leaf.check(known[leaf.quantity.name])

    def __repr__(self) -> str:
        return self.root.text
