"""Which values the settings of a task and of training may have."""

import math
from typing import Any

import numpy as np

from polyome._errors import InputError

_BELOW_ONE = math.nextafter(1.0, 0.0)
_ABOVE_ZERO = math.nextafter(0.0, 1.0)

RANGES: dict[str, tuple[float, float]] = {
    "hidden_size": (1, math.inf),
    "num_hidden_layers": (0, math.inf),
    "num_attention_heads": (1, math.inf),
    "num_members": (1, math.inf),
    "num_genes": (2, math.inf),
    "num_components": (0, math.inf),
    "num_modules": (0, math.inf),
    "num_neighbours": (0, math.inf),
    "neighbour_tokens": (1, math.inf),
    "context_dropout": (0, _BELOW_ONE),
    "dropout": (0, _BELOW_ONE),
    "input_dropout": (0, 0.5),
    "component_shift": (0, math.inf),
    "least_depth": (_ABOVE_ZERO, 1),
    "linear_weight": (0, 1),
    "seed": (0, 2**32 - 1),
    "learning_rate": (_ABOVE_ZERO, 1),
    "num_train_epochs": (0, math.inf),
    "batch_size": (1, math.inf),
    "weight_decay": (0, math.inf),
    "warmup_ratio": (0, 1),
    "max_grad_norm": (_ABOVE_ZERO, math.inf),
    "adam_beta2": (0, _BELOW_ONE),
    "ema_decay": (0, _BELOW_ONE),
    "stride": (1, math.inf),
    "kernel": (1, math.inf),
    "composition": (0, 7),
    "mutation_rate": (0, 0.5),
    "recombination_rate": (0, 1),
    "vocabulary_size": (8, math.inf),
    "validation_fraction": (0, 0.5),
    "most_bp": (1, math.inf),
    "most_records": (1, math.inf),
    "top": (1, math.inf),
    "interval": (0.001, 0.999),
    "least_share": (0, 1),
}
"""Smallest and largest value by name; a setting that is not named here may have any."""

WHOLE = {
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_members",
    "num_genes",
    "num_components",
    "num_modules",
    "num_neighbours",
    "neighbour_tokens",
    "stride",
    "kernel",
    "composition",
    "vocabulary_size",
    "seed",
    "num_train_epochs",
    "batch_size",
    "most_bp",
    "most_records",
    "top",
}
"""Settings that are counts."""

ODD = {"kernel"}
"""Counts of positions on both sides of one in the middle."""


def plain_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with NumPy's numbers as Python's, which a sweep over an array brings.

    Examples
    --------
    >>> plain_numbers({"num_members": np.int64(2)})
    {'num_members': 2}
    """
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()}


def check_ranges(settings: dict[str, Any]) -> None:
    """Refuse a number that no model can be made or trained with, before work starts.

    Examples
    --------
    >>> check_ranges({"dropout": 0.2, "num_components": None})
    >>> check_ranges({"dropout": 3.0})
    Traceback (most recent call last):
    polyome._errors.InputError: dropout=3.0: a number from 0 to below 1 is needed.
    >>> check_ranges({"kernel": 10})
    Traceback (most recent call last):
    polyome._errors.InputError: kernel=10: an odd number is needed, such as 11.
    >>> check_ranges({"hidden_size": 15, "num_attention_heads": 4})
    Traceback (most recent call last):
    polyome._errors.InputError: hidden_size=15 is not divisible by num_attention_heads=4; ...
    """
    for key, value in settings.items():
        if key not in RANGES or value is None:
            continue
        low, high = RANGES[key]
        is_whole = key in WHOLE and not (isinstance(value, int) and not isinstance(value, bool))
        if is_whole or not isinstance(value, int | float):
            kind = "a whole number" if key in WHOLE else "a number"
            message = f"{key}={value!r}: {kind} is needed."
            raise InputError(message)
        if not (low <= value <= high and math.isfinite(value)):
            message = f"{key}={value}: a number {_shown(low, high)} is needed."
            raise InputError(message)
        if key in ODD and value % 2 == 0:
            message = f"{key}={value}: an odd number is needed, such as {value + 1}."
            raise InputError(message)
    width, heads = settings.get("hidden_size"), settings.get("num_attention_heads")
    if width and heads and width % heads:
        message = (
            f"hidden_size={width} is not divisible by num_attention_heads={heads}; "
            f"hidden_size={heads * max(1, round(width / heads))} is."
        )
        raise InputError(message)


def _shown(low: float, high: float) -> str:
    if high == math.inf:
        return "above 0" if low == _ABOVE_ZERO else f"of at least {low:g}"
    start = "above 0" if low == _ABOVE_ZERO else f"from {low:g}"
    end = "below 1" if high == _BELOW_ONE else f"{high:.10g}"
    return f"{start} to {end}"
