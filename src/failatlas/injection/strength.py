"""Strength: the setting by which a scenario would make more pictures fail."""

from __future__ import annotations

from failatlas.parameters import Parameter
from failatlas.simulators.scenarios import Scenario

STEP = 1.6
_LOWER_IS_STRONGER = ("jpeg_quality",)


def stronger(scenario: Scenario) -> str:
    """The scenario with its first setting raised by 60 %, as `parse` reads it; empty where there is nothing to raise.

    >>> from failatlas.simulators.scenarios import parse
    >>> stronger(parse("noise")), stronger(parse("scaling:factor=0.5")), stronger(parse("darkness:stops=8"))
    ('noise:attenuate=8', 'scaling:factor=0.31', '')
    """
    for name, value in scenario.settings.items():
        parameter = scenario.space[name]
        if not isinstance(value, float) or not value:
            continue
        raised = _raised(parameter, value)
        part = next((part for part in scenario.name.split("+") if name.startswith(part.replace("-", "_") + "_")), "")
        if part and raised != value:
            return f"{part}:{name.removeprefix(part.replace('-', '_') + '_')}={raised:g}"
    return ""


def _raised(parameter: Parameter, value: float) -> float:
    # a factor of size or contrast does nothing at 1, whatever else does nothing at 0
    is_lowered = parameter.name in _LOWER_IS_STRONGER or (parameter.name.endswith("_factor") and value < 1)
    raised = float(f"{value / STEP if is_lowered else value * STEP:.2g}")
    return min(max(round(raised) if parameter.integer else raised, parameter.low), parameter.high)
