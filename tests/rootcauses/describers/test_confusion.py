"""Confusion in words: one mix-up, one side of it, or the few classes that are mixed up among each other."""

import pytest

from failatlas.rootcauses.describers.confusion import Confusion


class _Cause:
    def __init__(self, *confusion: tuple[str, str, int]) -> None:
        self.confusion = confusion
        self.size = sum(count for _, _, count in confusion)


class _Outcomes:
    def __init__(self, *confusion: tuple[str, str, int]) -> None:
        self.expected = [right for right, _, count in confusion for _ in range(count)]
        self.predicted = [wrong for _, wrong, count in confusion for _ in range(count)]
        self.is_error = [right != wrong for right, wrong in zip(self.expected, self.predicted, strict=True)]


class _Context:
    """A cluster, and what else the network got wrong."""

    def __init__(self, *confusion: tuple[str, str, int], others: tuple[tuple[str, str, int], ...] = ()) -> None:
        self.cause = _Cause(*confusion)
        self.outcomes = _Outcomes(*confusion, *others)


ELSEWHERE = (("K", "L", 40), ("M", "N", 40))


@pytest.mark.parametrize(
    ("confusion", "words", "count"),
    [
        ([("Shirt", "Coat", 6), ("Bag", "Shirt", 4)], "Shirt taken for Coat", 6),
        ([("Shirt", "Coat", 4), ("Shirt", "Bag", 3), ("Bag", "Coat", 3)], "Shirt not recognised", 7),
        ([("A", "X", 4), ("B", "X", 3), ("C", "Y", 3)], "taken for X", 7),
        ([("A", "B", 4), ("B", "A", 3), ("C", "D", 4), ("E", "F", 3)], "A and B mixed up", 7),
        (
            [("A", "B", 3), ("B", "C", 3), ("C", "A", 3), ("D", "E", 4), ("E", "F", 4)],
            "A, B and C mixed up",
            9,
        ),
    ],
)
def test_the_simplest_true_statement_about_half_of_the_members_is_made(confusion, words, count) -> None:
    description = Confusion().describe(_Context(*confusion, others=ELSEWHERE))
    assert description is not None
    assert description.words == (words,)
    assert description.text.startswith(f"{count} of ")


def test_classes_that_are_mixed_up_everywhere_are_no_trait_of_one_cluster() -> None:
    mixed = [("A", "B", 4), ("B", "A", 3), ("C", "D", 4), ("E", "F", 3)]
    everywhere = tuple((right, wrong, 5 * count) for right, wrong, count in mixed)
    assert Confusion().describe(_Context(*mixed, others=everywhere)) is None


def test_many_unrelated_mix_ups_have_no_name() -> None:
    pairs = [(f"class {i}", f"class {i + 10}", 1) for i in range(10)]
    assert Confusion().describe(_Context(*pairs)) is None
    assert Confusion().describe(_Context()) is None
