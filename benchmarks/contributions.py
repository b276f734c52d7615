"""What the trunk and the direct path each contribute to a fitted model's answers."""

from typing import Any

import numpy as np

from polyome.estimators import Estimator
from polyome.predict.predict import PredictArguments, run
from polyome.train.calibrate import calibrated


def contributions(model: Estimator, source: Any) -> dict[str, np.ndarray]:
    """Calibrated probabilities of the whole, of the trunk alone and of the direct path alone."""
    inside = model.fitted_
    records = inside.modality.read(source)
    share = inside.model.direct[inside.task.name].get_buffer("weight_in_answer")
    usual, found = float(share), {}
    for name, weight in (("polyome", usual), ("trunk alone", 0.0), ("direct path alone", 1.0)):
        share.fill_(weight)
        outputs = run(inside, records, PredictArguments()).outputs
        found[name] = calibrated(outputs, inside.facts["temperatures"][name])
    share.fill_(usual)
    return found
