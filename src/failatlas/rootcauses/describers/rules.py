"""Rules: the conditions that single a cluster out, with what they are worth on held-out images."""

from __future__ import annotations

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.describers.figures import number, percent
from failatlas.rootcauses.rootcause import Description, Rule
from failatlas.rootcauses.rules import FEWEST_MEMBERS

_ENOUGH = 0.5  # precision and recall from which a rule may lend its words to the name


@describers.register("rules", source="Klösgen 1996 (search); Clopper & Pearson 1934 (intervals)")
class Rules:
    """The best rule, or that nothing separates the cluster."""

    def describe(self, context: Context) -> Description | None:
        """Silent where no search took place: no columns, too few members, or the noise group."""
        cause = context.cause
        if not cause.rules:
            searched = context.columns and cause.rank and cause.size >= FEWEST_MEMBERS
            text = "No rule over metadata and measured properties separates it from the other images."
            return Description("rules", text) if searched else None
        best = cause.rules[0]
        share = 100 * cause.size / len(context.outcomes.ids)
        text = (
            f"{best.text}: {percent(best.precision)} of the held-out images for which this holds belong to the "
            f"cluster, against {number(share)} % of all images, and it holds for {percent(best.recall)} of the cluster."
        )
        return Description("rules", text, _words(best))


def _words(rule: Rule) -> tuple[str, ...]:
    if min(rule.precision.value, rule.recall.value) < _ENOUGH:
        return ()
    # what was expected is the confusion's to say
    words = (condition for condition in rule.conditions if not condition.startswith("expected = "))
    return tuple(word.replace(" = ", " ") for word in words)
