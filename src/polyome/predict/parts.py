"""What the transformer and the linear model that make up an answer say alone."""

from typing import Any

import numpy as np

from polyome._types import FloatArray
from polyome.modalities.base import Records
from polyome.modalities.inputs import Inputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.base import PARTS
from polyome.predict.predict import PredictArguments, run
from polyome.train.linear_model import outputs_of

_, TRANSFORMER, LINEAR = PARTS


def answers_of_parts(fitted: FittedModel, records: Records) -> dict[str, FloatArray]:
    """Answers (n, c) of the transformer alone and of the linear model alone, each calibrated.

    Empty where there is no linear model, or where several inputs have one each.
    """
    if fitted.task.name not in fitted.model.linear or isinstance(fitted.modality, Inputs):
        return {}
    return {
        TRANSFORMER: _transformer_alone(fitted, records),
        LINEAR: linear_model_alone(fitted, records),
    }


def _transformer_alone(fitted: FittedModel, records: Records) -> FloatArray:
    beside: Any = fitted.model.linear[fitted.task.name]
    usual = beside.share
    beside.set_weight(0.0)
    try:
        outputs = run(fitted, records, PredictArguments()).outputs
    finally:
        beside.set_weight(usual)
    return np.asarray(fitted.output.calibrated(outputs, TRANSFORMER))


def linear_model_alone(fitted: FittedModel, records: Records) -> FloatArray:
    """What the linear model, itself a tuned linear model, answers alone, (n, c)."""
    beside: Any = fitted.model.linear[fitted.task.name]
    views = fitted.modality.views(fitted.modality.prepare(records))
    outputs = [outputs_of(beside.part, fitted.modality, view) for view in views]
    joined = fitted.task.output_type.joined(outputs)
    return fitted.output.calibrated(joined, LINEAR)
