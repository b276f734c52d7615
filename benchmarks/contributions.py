"""What the trunk and the linear model each contribute to a fitted model's answers."""

from typing import Any

import numpy as np

from polyome.estimator import Estimator
from polyome.predict.predict import PredictArguments, run


def contributions(model: Estimator, source: Any) -> dict[str, np.ndarray]:
    """Answers (n, c) of the whole, of the transformer alone and of the linear model alone.

    Calibrated probabilities, each with its own temperature, or values as measured.
    """
    inside = model.fitted_
    records = inside.modality.read(source)
    beside: Any = inside.model.linear[inside.task.name]
    usual, found = beside.share, {}
    for part, weight in (
        ("polyome", usual),
        ("transformer alone", 0.0),
        ("linear model alone", 1.0),
    ):
        beside.set_weight(weight)
        outputs = run(inside, records, PredictArguments()).outputs
        found[part] = np.asarray(inside.output.calibrated(outputs, part))
    beside.set_weight(usual)
    return found
