"""What the trunk and the direct path each contribute to a fitted model's answers."""

from typing import Any

import numpy as np

from polyome.estimators import Estimator
from polyome.predict.predict import PredictArguments, run
from polyome.train.kinds import kind_of


def contributions(model: Estimator, source: Any) -> dict[str, np.ndarray]:
    """Answers (n, c) of the whole, of the trunk alone and of the direct path alone.

    Calibrated probabilities, each with its own temperature, or values as measured.
    """
    inside = model.fitted_
    records = inside.modality.read(source)
    beside: Any = inside.model.linear[inside.task.name]
    usual, found = beside.share, {}
    for part, weight in (("polyome", usual), ("trunk alone", 0.0), ("direct path alone", 1.0)):
        beside.set_share(weight)
        outputs = run(inside, records, PredictArguments()).outputs
        found[part] = np.asarray(kind_of(inside.task).numbers(inside, outputs, part))
    beside.set_share(usual)
    return found
