"""Types of settings with the limits of their values."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt, Predicate


def is_odd(value: int) -> bool:
    """Whether positions on both sides of one in the middle are equally many."""
    return value % 2 == 1


Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
OddCount = Annotated[int, Ge(1), Predicate(is_odd)]
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
AtLeastZero = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Proportion = Annotated[float, Ge(0), Le(1)]
BelowOne = Annotated[float, Ge(0), Lt(1)]
UpToHalf = Annotated[float, Ge(0), Le(0.5)]

NumGenes = Annotated[int, Ge(2)]
LeastDepth = Annotated[float, Gt(0), Le(1)]
CompositionK = Annotated[int, Ge(0), Le(7)]
VocabularySize = Annotated[int, Ge(8)]
LearningRate = Annotated[float, Gt(0), Le(1)]
Coverage = Annotated[float, Ge(0.001), Le(0.999)]
