"""Logistic regression whose penalty is chosen on inner folds, shared by baselines and models."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from threadpoolctl import threadpool_limits

from polyome._errors import InputError
from polyome._threads import each_alone
from polyome._types import FloatArray, IntArray
from polyome.splits import inner_folds

GRID = (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Values of C, from the strongest penalty to the weakest."""

LEAST_PROBABILITY = 1e-6
"""Given out of fold to a class that the fold's training part lacks."""


class TunedLogisticRegression:
    """Multinomial logistic regression with an L2 penalty, its strength chosen on inner folds.

    The penalty does not change under rotation, so the features are rotated once onto their
    principal axes, min(n, g) of them, and every fit is done there: exactly the same optimum, at a
    fraction of the work when genes outnumber cells (Hastie and Tibshirani, Biostatistics 2004).
    C runs from the middle of the grid upward, or else downward, for as long as the log loss of the
    inner folds falls, each fit starting from the last. C means what it means in scikit-learn.

    Parameters
    ----------
    grid : values of C, ascending.
    folds : inner folds; 3 where a class has fewer rows than this.

    Attributes
    ----------
    classes_ : (c,), sorted.
    coef_ : float32, (c, g), and intercept_ : float32, (c,), so that the probabilities are
        ``softmax(x @ coef_.T + intercept_)``, with two rows for two classes too.
    C_ : the chosen C.
    inner_log_loss_ : its log loss over the inner folds (nats), over rows whose class the fold's
        training part held; NaN if there is none.
    inner_path_ : C to inner log loss, for the values of C that were tried.
    out_of_fold_proba_ : float64, (n, c), probabilities from the inner folds at the chosen C.

    Examples
    --------
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model = TunedLogisticRegression().fit(x, ["a", "a", "b", "b"])
    >>> model.predict_proba(x).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """

    def __init__(self, grid: tuple[float, ...] = GRID, *, folds: int = 5, seed: int = 0) -> None:
        self.grid = grid
        self.folds = folds
        self.seed = seed

    def fit(self, x: FloatArray, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Choose C on inner folds, then fit all rows with it.

        Parameters
        ----------
        x : float, (n, g), dense, z-scored.
        y : (n,), classes.
        groups : (n,); inner folds keep groups whole where there are at least two.
        """
        solver, weights, mean, back = self._tuned(x, y, groups)
        with threadpool_limits(1, user_api="blas"):
            rows = np.arange(len(solver.rotated))
            weights = solver.fit(rows, self.C_, weights, precision=1e-11)
        coef = back(weights[:-1].T)
        self.coef_ = coef.astype(np.float32)
        self.intercept_ = (weights[-1] - coef @ mean).astype(np.float32)
        return self

    def tune(self, x: FloatArray, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Choose C on inner folds as `fit` does, and fit no more: ``C_``, ``inner_log_loss_``."""
        self._tuned(x, y, groups)
        return self

    def _tuned(self, x: FloatArray, y: ArrayLike, groups: ArrayLike | None) -> tuple[Any, ...]:
        """Choose C; the solver, weights to start from, the mean, and the way back to features."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            msg = f"Logistic regression needs 2 classes or more; found '{self.classes_[0]}' only."
            raise InputError(msg)
        mean, rotated, spread, back = _rotate(x)
        solver = _Solver(rotated, spread, codes, len(self.classes_))
        weights = self._choose(solver, inner_folds(codes, groups, self.folds, self.seed))
        return solver, weights, mean, back

    def _choose(self, solver: "_Solver", fold: IntArray) -> FloatArray:
        """Set C_ and what belongs to it; return weights to start the last fit from."""
        middle = len(self.grid) // 2
        first = [np.zeros((solver.rotated.shape[1] + 1, solver.n_classes))] * (fold.max() + 1)
        self.inner_path_: dict[float, float] = {}
        first = self._try(self.grid[middle], solver, fold, first)
        for grid in (self.grid[middle + 1 :], self.grid[:middle][::-1]):
            weights = first
            for C in grid:  # noqa: N806 - scikit-learn's name
                weights = self._try(C, solver, fold, weights)
                if C != self.C_:  # the loss has risen
                    break
            if self.grid[middle] != self.C_:
                break
        return self._start

    def _try(
        self,
        C: float,  # noqa: N803
        solver: "_Solver",
        fold: IntArray,
        start: list[FloatArray],
    ) -> list[FloatArray]:
        """Fit the inner folds with C, and keep what belongs to it where it is the best so far."""
        inside = [fold != k for k in range(len(start))]
        with each_alone() as pool:
            weights = list(pool.map(solver.fit, inside, [C] * len(start), start))
        proba, loss = solver.held_out(fold, weights)
        if not self.inner_path_ or loss < min(self.inner_path_.values()):
            self.C_, self.inner_log_loss_, self.out_of_fold_proba_ = C, loss, proba
            self._start: FloatArray = np.mean(weights, axis=0)
        self.inner_path_[C] = loss
        return weights

    def predict_proba(self, x: FloatArray) -> FloatArray:
        """Class probabilities, float64, (m, c), of features (m, g)."""
        scores = np.asarray(x) @ self.coef_.T + self.intercept_
        proba: FloatArray = softmax(scores.astype(np.float64), axis=1)
        return proba


def _rotate(
    x: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, Callable[[FloatArray], FloatArray]]:
    """Rotate centred features onto their principal axes, the empty axes dropped.

    Returns
    -------
    mean : (g,), what was subtracted.
    rotated : (n, r), r at most min(n, g); float64 for up to 1,000 axes, float32 above.
    spread : (r,), the sum of squares along each axis.
    back : takes weights (c, r) to the features they came from, (c, g).
    """
    x = np.asarray(x)
    exact = np.float64 if min(x.shape) <= 1000 else np.float32
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x.astype(exact) - mean.astype(exact)
    wide = x.shape[0] <= x.shape[1]
    gram = centred @ centred.T if wide else centred.T @ centred
    spread, axes = eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    keep = spread > 1e-6 * max(spread[-1], np.finfo(exact).tiny)
    spread, axes = spread[keep], np.ascontiguousarray(axes[:, keep])

    def back(weights: FloatArray) -> FloatArray:
        if wide:
            return np.asarray(((weights / np.sqrt(spread)).astype(exact) @ axes.T) @ centred)
        return np.asarray(weights.astype(exact) @ axes.T)

    rotated = axes * np.sqrt(spread) if wide else centred @ axes
    return mean, rotated, spread.astype(np.float64), back


class _Solver:
    """L-BFGS for the multinomial loss on principal axes.

    The loss bends along an axis about in proportion to its spread, so each weight is divided by
    the root of that: an order of magnitude fewer steps than plain L-BFGS.
    """

    bend = 0.01  # p (1 - p) of a typical row of a fitted model

    def __init__(
        self, rotated: FloatArray, spread: FloatArray, codes: IntArray, n_classes: int
    ) -> None:
        self.rotated = rotated
        self.spread = spread
        self.codes = codes
        self.n_classes = n_classes

    def fit(
        self,
        rows: NDArray[Any],
        C: float,  # noqa: N803
        start: FloatArray,
        precision: float = 1e-8,
    ) -> FloatArray:
        """Fit some rows: weights (r + 1, c), the intercepts last."""
        x, codes = self.rotated[rows], self.codes[rows]
        present = np.unique(codes)
        truth = (codes[:, None] == present).astype(x.dtype)  # (m, present)
        # Two rows of +w/2 and -w/2 weigh half of one row of w, which is scikit-learn's penalty.
        penalty = (2 if self.n_classes == 2 else 1) / (C * len(x))
        step = np.append(
            1 / np.sqrt(self.bend * self.spread / len(x) + penalty), 1 / np.sqrt(self.bend)
        )[:, None]

        def loss(flat: FloatArray) -> tuple[float, FloatArray]:
            weights = flat.reshape(len(step), -1) * step
            thin = weights.astype(x.dtype)
            log_proba = log_softmax(x @ thin[:-1] + thin[-1], axis=1)
            value = -np.einsum("nc,nc->", log_proba, truth, dtype=np.float64) / len(x)
            residual = (np.exp(log_proba) - truth) / x.dtype.type(len(x))
            slope = np.vstack([x.T @ residual, residual.sum(axis=0)]).astype(np.float64)
            slope[:-1] += penalty * weights[:-1]
            return value + penalty / 2 * float((weights[:-1] ** 2).sum()), (slope * step).ravel()

        begin = (start[:, present] / step).ravel()
        stop = {"maxiter": 500, "ftol": precision, "gtol": 1e-4 * (precision / 1e-8) ** 0.5}
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=stop)
        weights = np.zeros_like(start)
        weights[:, present] = found.x.reshape(len(step), -1) * step
        return weights

    def held_out(self, fold: IntArray, weights: list[FloatArray]) -> tuple[FloatArray, float]:
        """Probabilities of each row by the fit that did not see it, and their log loss."""
        proba = np.full((len(fold), self.n_classes), LEAST_PROBABILITY)
        scored = np.zeros(len(fold), dtype=bool)
        for k, weight in enumerate(weights):
            rows = np.flatnonzero(fold == k)
            present = np.unique(self.codes[fold != k])
            scores = self.rotated[rows] @ weight[:-1] + weight[-1]
            proba[np.ix_(rows, present)] = softmax(scores[:, present], axis=1)
            scored[rows] = np.isin(self.codes[rows], present)
        proba /= proba.sum(axis=1, keepdims=True)
        if not scored.any():
            return proba, float("nan")
        chosen = proba[scored, self.codes[scored]]
        return proba, float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())
