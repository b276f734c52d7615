"""What the trunk and the linear model each contribute to a fitted model's answers."""

from typing import Any

import numpy as np

from polyome.estimator import Estimator
from polyome.predict.parts import answers_of_parts
from polyome.predict.predict import PredictArguments, run


def contributions(model: Estimator, source: Any) -> dict[str, np.ndarray]:
    """Answers (n, c) of the whole, of the transformer alone and of the linear model alone.

    Calibrated probabilities, each with its own temperature, or values as measured.
    """
    inside = model.fitted_
    records = inside.modality.read(source)
    outputs = run(inside, records, PredictArguments()).outputs
    whole = np.asarray(inside.output.calibrated(outputs, "polyome"))
    return {"polyome": whole} | answers_of_parts(inside, records)
