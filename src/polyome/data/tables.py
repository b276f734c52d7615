"""Tables of numbers: a simulator whose truth is known, and scikit-learn's small real sets."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

from polyome._errors import InputError, listed

REAL: dict[str, tuple[Any, str]] = {
    "breast_cancer": (datasets.load_breast_cancer, "diagnosis"),
    "diabetes": (datasets.load_diabetes, "progression"),
    "digits": (datasets.load_digits, "digit"),
    "wine": (datasets.load_wine, "cultivar"),
}
"""Real sets that scikit-learn ships, by name, and what their target is called here."""


def load_table(name: str) -> pd.DataFrame:
    """Load a small real set of scikit-learn as a table, its target in the last column.

    Examples
    --------
    >>> load_table("diabetes").shape
    (442, 11)
    """
    if name not in REAL:
        message = f"there is no table '{name}'. Known: {listed(REAL)}."
        raise InputError(message)
    load, target = REAL[name]
    found = load()
    names = [str(feature).replace(" ", "_") for feature in found.feature_names]
    table = pd.DataFrame(found.data, columns=names)
    labels = getattr(found, "target_names", None)
    values = found.target if labels is None else np.asarray(labels)[found.target].astype(str)
    table[target] = values
    return table.set_axis([f"record {i + 1}" for i in range(len(table))], axis=0)


def simulate_table(n_records: int = 240, *, seed: int = 0) -> pd.DataFrame:
    """Simulate records with two groups of measurements, of which one is sometimes absent.

    ``expr_1`` to ``expr_12`` tell three groups, ``lab_1`` to ``lab_6`` tell two of them; ``level``
    is a sum of some columns, a product of two, and noise. A tenth of the records lack all of
    ``lab``, and one in fifty of the other numbers is missing.

    Returns
    -------
    DataFrame, with ``group``, ``level``, ``site``, and ``attrs["simulated"]`` True.

    Examples
    --------
    >>> table = simulate_table(seed=0)
    >>> table.shape, sorted(table["group"].unique())
    ((240, 21), ['group 1', 'group 2', 'group 3'])
    """
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(12345)  # the same world for every seed
    expr_means, lab_means = shape.normal(0, 1.2, (3, 12)), shape.normal(0, 1.2, (3, 6))
    lab_means[1] = lab_means[0]
    slopes = shape.normal(0, 0.6, 12)
    groups = rng.permutation(np.arange(n_records) % 3)
    expr = rng.normal(size=(n_records, 12)) + expr_means[groups]
    lab = rng.normal(size=(n_records, 6)) + lab_means[groups]
    level = 10 + expr @ slopes + lab[:, 0] + 0.5 * expr[:, 0] * expr[:, 1]
    level += rng.normal(0, 0.5, n_records)
    lab[rng.random(n_records) < 0.1] = np.nan
    expr[rng.random(expr.shape) < 0.02] = np.nan
    names = [f"expr_{i + 1}" for i in range(12)] + [f"lab_{i + 1}" for i in range(6)]
    index = [f"record {i + 1}" for i in range(n_records)]
    table = pd.DataFrame(np.hstack([expr, lab]).round(4), columns=names, index=index)
    table["group"] = [f"group {g + 1}" for g in groups]
    table["level"] = level.round(4)
    table["site"] = [f"site {s + 1}" for s in rng.integers(0, 5, n_records)]
    table.attrs["simulated"] = True
    return table
