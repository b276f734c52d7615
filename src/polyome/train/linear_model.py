"""The linear model beside the trunk, fitted by itself: logistic regression."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.special import log_softmax
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn

from polyome._threads import batch_threads, each_alone
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.modalities import Modality
from polyome.modalities.base import LinearFeatures, Records

GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Values of scikit-learn's C, for features of standard deviation about 1."""
LEAST_PROBABILITY = 1e-6
UNSEEN = 5.0
"""How far below the lowest intercept a class starts that no row of an input has."""
LEAST_GAIN = 0.1
"""Share by which reading many features must lower the held-out log loss to be done."""


@dataclass(frozen=True)
class Fold:
    """Features of one fold, learned without the rows that it holds out.

    Attributes
    ----------
    rows, held : positions of the rows that fit, and of those held out.
    x, x_held : (n, f) and (m, f), dense or sparse.
    ood_features, ood_held : (n, k) and (m, k), where distance tells unseen kinds; None where the
        features have no such thing.
    landmarks : (m,), places in ``rows`` of those that each of the first m features is the kernel
        with; None where features are no kernel.
    """

    rows: IntArray
    held: IntArray
    x: Any
    x_held: Any
    ood_features: FloatArray | None
    ood_held: FloatArray | None
    landmarks: IntArray | None = None


def fold_features(
    modality: Modality, records: Records, rows: IntArray, held: IntArray
) -> tuple[Fold, LinearFeatures]:
    """Learn the linear model's features from some rows; view these and held-out rows in them."""
    module = modality.features(modality.spec())
    if module is None:
        message = f"{modality.name} offers no linear model"
        raise TypeError(message)
    fitting, holding = records.take(rows), records.take(held)
    modality.start_from(module.eval(), fitting)
    ood_features = module.ood_features if module.has_ood_features else None
    fold = Fold(
        rows=rows,
        held=held,
        x=outputs_of(module, modality, fitting),
        x_held=outputs_of(module, modality, holding),
        ood_features=None if ood_features is None else outputs_of(ood_features, modality, fitting),
        ood_held=None if ood_features is None else outputs_of(ood_features, modality, holding),
        landmarks=module.landmark_rows,
    )
    return fold, module


def outputs_of(module: Callable[..., torch.Tensor], modality: Modality, records: Records) -> Any:
    """(n, f): what a module that takes the modality's inputs gives; csr if it is sparse."""
    if not len(records):
        return np.zeros((0, 0), np.float32)
    is_sparse = getattr(module, "is_sparse", False)
    buffers = module.buffers() if isinstance(module, nn.Module) else iter(())
    device = next((buffer.device for buffer in buffers), torch.device("cpu"))

    @torch.inference_mode()
    def of_rows(start: int) -> Any:
        rows = np.arange(start, min(start + 256, len(records)))
        inputs = modality.batch(records.take(rows))
        batch = module(**{key: tensor.to(device) for key, tensor in inputs.items()}).cpu().numpy()
        return sparse.csr_matrix(batch) if is_sparse else batch

    with batch_threads(device) as pool:
        batches = list(pool.map(of_rows, range(0, len(records), 256)))
    return sparse.vstack(batches, format="csr") if is_sparse else np.concatenate(batches)


def seen_by(rows: IntArray, held: IntArray, truth: IntArray) -> BoolArray:
    """Which of the rows held out, (m,), are of a class that the rows that fit have.

    Where whole groups are held out, a class of one group alone is a class that nobody has seen.

    Examples
    --------
    >>> seen_by(np.array([0, 1]), np.array([2, 3]), np.array([0, 1, 1, 2])).tolist()
    [True, False]
    """
    return np.isin(truth[held], truth[rows])


@dataclass(frozen=True)
class FittedLinear:
    """Coefficients (c, f), intercepts (c,), out-of-fold log-probabilities (n, c).

    ``seen``, (n,): rows of a class that their fold was fitted on; None for values.
    """

    coef: FloatArray
    intercept: FloatArray
    out_of_fold: FloatArray
    seen: BoolArray | None = None


def fit_linear_model(
    folds: list[Fold],
    whole: Fold,
    truth: IntArray,
    num_classes: int,
    *,
    penalties: Sequence[float] = GRID,
    readings: tuple[int, int] | None = None,
    balance: bool = True,
) -> FittedLinear:
    """Choose C by the log loss of held-out rows, then fit all rows with it.

    With ``balance`` classes count by the square root of their size, as in the networks' loss.

    With ``readings`` the path reads the first few features, or is the mean of that path and of one
    that reads many, where this clearly answers better: each of the many is nearly worthless by
    itself, so they serve where few rows or many classes leave the few behind, and another
    laboratory's data are answered with less calibrated confidence through them.
    """
    fit = partial(
        _fit_one, truth=truth, num_classes=num_classes, penalties=penalties, balance=balance
    )
    if readings is None:
        return fit(folds, whole)
    few, many = (
        fit([_narrowed(fold, width) for fold in folds], _narrowed(whole, width))
        for width in readings
    )
    few = replace(few, coef=np.pad(few.coef, ((0, 0), (0, readings[1] - readings[0]))))
    both = FittedLinear(
        coef=(few.coef + many.coef) / 2,
        intercept=(few.intercept + many.intercept) / 2,
        out_of_fold=log_softmax((few.out_of_fold + many.out_of_fold) / 2, axis=1),
        seen=few.seen,
    )
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    losses = [-path.out_of_fold[scored, truth[scored]].mean() for path in (few, both)]
    return both if losses[1] < (1 - LEAST_GAIN) * losses[0] else few


def _narrowed(fold: Fold, width: int) -> Fold:
    return replace(fold, x=fold.x[:, :width], x_held=fold.x_held[:, :width])


def _fit_one(
    folds: list[Fold],
    whole: Fold,
    *,
    truth: IntArray,
    num_classes: int,
    penalties: Sequence[float],
    balance: bool,
) -> FittedLinear:
    losses: dict[float, float] = {}
    held: dict[float, FloatArray] = {}
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    models = [_solver(fold, truth) for fold in folds]
    with each_alone() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for C in penalties:  # noqa: N806 - scikit-learn's name
            fit = partial(_fit, truth=truth, C=C, balance=balance)
            proba = np.full((len(truth), num_classes), LEAST_PROBABILITY)
            for fold, model in zip(folds, pool.map(fit, models, folds), strict=True):
                proba[np.ix_(fold.held, model.classes_)] = model.predict_proba(fold.x_held)
            proba /= proba.sum(axis=1, keepdims=True)
            losses[C] = float(-np.log(proba[scored, truth[scored]].clip(1e-12)).mean())
            held[C] = np.log(proba.clip(1e-12))
            if losses[C] > 1.05 * min(losses.values()):
                break
        best = min(losses, key=losses.__getitem__)
        model = _fit(_solver(whole, truth), whole, truth, best, balance=balance)
    coef, intercept = _one_row_per_class(model, num_classes)
    seen = np.zeros(len(truth), dtype=bool)
    for fold in folds:
        seen[fold.held] = seen_by(fold.rows, fold.held, truth)
    return FittedLinear(coef, intercept, held[best], seen)


def _solver(fold: Fold, truth: IntArray) -> Any:
    """Solve sparse features closely, each C starting from the last one's coefficients.

    A fold whose rows are all of one class can but answer that class.
    """
    if len(np.unique(truth[fold.rows])) == 1:
        return DummyClassifier(strategy="prior")
    if sparse.issparse(fold.x):
        return LogisticRegression(max_iter=500, tol=1e-4, warm_start=True)
    return LogisticRegression(max_iter=300, tol=1e-3)


def _fit(
    model: Any,
    fold: Fold,
    truth: IntArray,
    C: float,  # noqa: N803
    *,
    balance: bool,
) -> Any:
    labels = truth[fold.rows]
    weights = 1 / np.sqrt(np.bincount(labels).clip(1)[labels]) if balance else np.ones(len(labels))
    if isinstance(model, LogisticRegression):
        model.set_params(C=C)
    return model.fit(fold.x.astype(np.float64), labels, weights / weights.mean())


def _one_row_per_class(model: Any, num_classes: int) -> tuple[FloatArray, FloatArray]:
    """Coefficients so that softmax gives the probabilities, two classes included."""
    coef, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.r_[-intercept, intercept] / 2
    if len(coef) != num_classes:  # classes without a row that has this input
        rows = np.zeros((num_classes, coef.shape[1]))
        rows[model.classes_] = coef
        lowest = np.full(num_classes, intercept.min() - UNSEEN)
        lowest[model.classes_] = intercept
        coef, intercept = rows, lowest
    return coef.astype(np.float32), intercept.astype(np.float32)
