"""The linear model of values beside the transformer: ridge regression, plain or of a kernel."""

from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, lsmr

from polyome._threads import each_alone
from polyome._types import FloatArray
from polyome.outputs.linear import FittedLinear, Fold

ALPHAS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Penalties of the linear model, from strong to weak, for features of total variance 1 a block."""
KERNEL_ALPHAS = (3.0, 1.0, 0.3, 0.1, 0.03)
"""The same where features are a kernel with Nystroem landmarks, 1 for equal sequences."""


def squared_error(outputs: FloatArray, truth: FloatArray) -> float:
    """Weighted mean squared error of outputs, (n, c); truth (n, c, 2) holds values and weights."""
    values, weights = truth[..., 0], truth[..., 1]
    return float((weights * (outputs - values) ** 2).sum() / max(float(weights.sum()), 1e-6))


def fit_ridge_path(folds: list[Fold], whole: Fold, truth: FloatArray) -> FittedLinear:
    """Choose the penalty by the squared error of held-out rows, then fit all rows with it.

    Each target is fitted to the rows where it is known; penalties go from strong to weak, each
    solution the start of the next.
    """
    errors: dict[float, float] = {}
    held: dict[float, FloatArray] = {}
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    problems = [_problem(fold, truth) for fold in folds]
    with each_alone() as pool:
        for alpha in ALPHAS if whole.landmarks is None else KERNEL_ALPHAS:
            outputs = np.zeros(truth.shape[:2])
            solved = pool.map(lambda problem, alpha=alpha: problem.solve(alpha), problems)
            for fold, (coef, intercept) in zip(folds, solved, strict=True):
                outputs[fold.held] = fold.x_held @ coef.T + intercept
            errors[alpha] = squared_error(outputs[scored], truth[scored])
            held[alpha] = outputs
            if errors[alpha] > 1.01 * min(errors.values()):
                break
    best = min(errors, key=errors.__getitem__)
    coef, intercept = _problem(whole, truth).solve(best)
    return FittedLinear(coef.astype(np.float32), intercept.astype(np.float32), held[best])


def _problem(fold: Fold, truth: FloatArray) -> "RidgeProblem | KernelProblem":
    fitted = truth[fold.rows]
    if fold.landmarks is None:
        return RidgeProblem(fold.x, fitted)
    return KernelProblem(fold.x[fold.landmarks], fitted[fold.landmarks])


class KernelProblem:
    """Kernel ridge regression: coefficients of the kernel with each landmark.

    Parameters
    ----------
    kernel : float, (m, f), of the landmarks to each other; columns from m on are empty.
    truth : float, (m, c, 2): their values and weights, 0 where missing.

    Examples
    --------
    >>> truth = np.array([[[1.0, 1.0]], [[3.0, 1.0]]])
    >>> coef, intercept = KernelProblem(np.eye(2), truth).solve(1.0)
    >>> coef.round(3).tolist(), intercept.tolist()
    ([[-0.5, 0.5]], [2.0])
    """

    def __init__(self, kernel: FloatArray, truth: FloatArray) -> None:
        self.width = kernel.shape[1]
        self.kernel = kernel[:, : len(kernel)].astype(np.float64)
        self.truth = truth.astype(np.float64)

    def solve(self, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Coefficients (c, f) and intercepts (c,)."""
        coef = np.zeros((self.truth.shape[1], self.width))
        intercept = np.zeros(len(coef))
        for k in range(len(coef)):
            values, weights = self.truth[:, k, 0], self.truth[:, k, 1]
            known = np.flatnonzero(weights)
            if not len(known):
                continue
            intercept[k] = np.average(values[known], weights=weights[known])
            system = self.kernel[np.ix_(known, known)]
            system[np.diag_indices(len(known))] += alpha / weights[known]
            answer = values[known] - intercept[k]
            coef[k, known] = cho_solve(cho_factor(system, overwrite_a=True), answer)
        return coef, intercept


class RidgeProblem:
    """Weighted ridge regression of several targets on one set of features, by LSMR.

    Features are many and sparse, so they are neither centred in memory nor multiplied with each
    other (Fong and Saunders 2011, SIAM J Sci Comput).

    Parameters
    ----------
    x : (n, f), dense or csr.
    truth : float, (n, c, 2): values and weights, 0 where missing.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> truth = np.array([[[1.0, 1.0]], [[3.0, 1.0]], [[5.0, 1.0]]])
    >>> coef, intercept = RidgeProblem(x, truth).solve(1e-6)
    >>> coef.round(3).tolist(), intercept.round(3).tolist()
    ([[2.0]], [1.0])
    """

    def __init__(self, x: Any, truth: FloatArray) -> None:
        self.x = x
        self.values = truth[..., 0].astype(np.float64)
        self.weights = truth[..., 1].astype(np.float64)
        self.coef = np.zeros((truth.shape[1], x.shape[1]))

    def solve(self, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Coefficients (c, f) and intercepts (c,); starts from the last solution."""
        intercept = np.zeros(len(self.coef))
        for k in range(len(self.coef)):
            self.coef[k], intercept[k] = self._solve_one(k, alpha)
        return self.coef.copy(), intercept

    def _solve_one(self, k: int, alpha: float) -> tuple[FloatArray, float]:
        x, weight = self.x, self.weights[:, k]
        total = weight.sum()
        if total == 0:
            return self.coef[k], 0.0
        center_x = np.asarray(x.T @ weight).ravel() / total
        center_y = float(self.values[:, k] @ weight / total)
        root = np.sqrt(weight)

        def forward(v: FloatArray) -> FloatArray:
            return np.asarray(root * (x @ v.astype(x.dtype) - center_x @ v))

        def backward(u: FloatArray) -> FloatArray:
            weighted = root * u
            return np.asarray(x.T @ weighted.astype(x.dtype) - center_x * weighted.sum())

        operator = LinearOperator(x.shape, matvec=forward, rmatvec=backward, dtype=np.float64)
        answer = root * (self.values[:, k] - center_y)
        found = lsmr(
            operator, answer, damp=alpha**0.5, atol=3e-4, btol=3e-4, maxiter=100, x0=self.coef[k]
        )[0]
        return found, center_y - float(center_x @ found)
