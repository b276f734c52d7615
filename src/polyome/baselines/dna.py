"""The cheap models that stand beside scores on sequences.

Each takes ``(x_train, y_train, x_test, *, seed, groups)``, windows of letters as uint8 (n, length),
and gives probabilities (n_test, c). The quick ones stand beside every fit; the tuned ones are what
`benchmarks/` compares with.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.baselines.labels import of_each_label
from polyome.io.nucleotides import Codes, base_shares
from polyome.modalities.dna.kmers import OneHot, count_kmers
from polyome.splits import inner_folds

Features = Callable[[Codes, Codes], tuple[sparse.csr_matrix, sparse.csr_matrix]]
"""Training and test windows -> their features, learned from the former."""

MOST_ROWS = 20_000
MOST_LETTERS = 400_000_000
"""Training rows, and float32 of their letters, up to which the quick boosting is cheap."""
C_GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
BOOSTING_GRID: tuple[dict[str, Any], ...] = (
    {"learning_rate": 0.1, "max_leaf_nodes": 15, "max_iter": 250},
    {"learning_rate": 0.05, "max_leaf_nodes": 15, "max_iter": 500},
    {"learning_rate": 0.05, "max_leaf_nodes": 7, "max_iter": 500},
    {"learning_rate": 0.07, "max_leaf_nodes": 31, "max_iter": 500, "l2_regularization": 1.0},
)


def kmers_and_letters(windows: Codes, most: int = 4) -> FloatArray:
    """Counts of the k-mers from 1 to ``most`` and the letter at each position, float32 (n, f).

    Examples
    --------
    >>> kmers_and_letters(np.array([[1, 2, 3]], np.uint8), 1).shape
    (1, 16)
    """
    counts = count_kmers(torch.from_numpy(windows), most).numpy()
    return np.hstack([counts, letters(windows)])


def letters(windows: Codes) -> FloatArray:
    """One-hot letters, float32 (n, 4 * length)."""
    return base_shares()[windows].reshape(len(windows), -1)


def gradient_boosting(
    x_train: Codes,
    y_train: ArrayLike,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees on k-mers 1 to 4 and letters, quick; None where that is dear.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> gradient_boosting(windows, ["a", "b"] * 50, windows[:2]).argmax(axis=1).tolist()
    [0, 1]
    """
    del groups
    if is_dear(x_train):
        return None
    model = _trees(seed, max_iter=100, max_leaf_nodes=15)
    model.fit(kmers_and_letters(x_train), np.asarray(y_train))
    return np.asarray(model.predict_proba(kmers_and_letters(x_test)))


def boosting_by_label(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient boosting of each label on the rows where it is known, (n_test, c).

    ``y_train``, (n, c), is 0, 1 or NaN. None where boosting is dear.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> truth = np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1))
    >>> boosting_by_label(windows, truth, windows[:2]).round().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    del groups
    return of_each_label(lambda x, y: gradient_boosting(x, y, x_test, seed=seed), x_train, y_train)


def is_dear(windows: Codes) -> bool:
    """Whether boosting takes long: above 20,000 rows, or 1.6 GB of letters.

    Examples
    --------
    >>> is_dear(np.zeros((20_000, 300), np.uint8)), is_dear(np.zeros((15_000, 10_000), np.uint8))
    (False, True)
    """
    return len(windows) > MOST_ROWS or 4 * windows.size > MOST_LETTERS


def _trees(seed: int, **settings: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_features=0.3, max_bins=64, early_stopping=False, random_state=seed, **settings
    )


def choose_boosting(
    windows: Codes, y: ArrayLike, *, groups: ArrayLike | None = None, folds: int = 3, seed: int = 0
) -> dict[str, Any]:
    """Choose boosting's settings by the log loss on inner folds."""
    x, codes = kmers_and_letters(windows), np.unique(np.asarray(y), return_inverse=True)[1]
    pairs = list(some_folds(inner_folds(codes, groups, folds, seed), len(codes)))

    def loss(settings: dict[str, Any]) -> float:
        found = [
            _loss(_trees(seed, **settings).fit(x[a], codes[a]).predict_proba(x[b]), codes[b])
            for a, b in pairs
        ]
        return float(np.mean(found))

    return min(BOOSTING_GRID, key=loss)


def averaged_boosting(
    x_train: Codes, y_train: ArrayLike, x_test: Codes, settings: dict[str, Any], *, seeds: range
) -> FloatArray:
    """Boosting with chosen settings, the mean of several seeds, (n_test, c)."""
    x, other, y = kmers_and_letters(x_train), kmers_and_letters(x_test), np.asarray(y_train)
    answers = [_trees(seed, **settings).fit(x, y).predict_proba(other) for seed in seeds]
    return np.asarray(np.mean(answers, axis=0))


def some_folds(fold: IntArray, n: int) -> Iterator[tuple[IntArray, IntArray]]:
    """(rows that fit, rows held out): every fold; the first alone of many rows."""
    for k in range(1 if n > MOST_ROWS else int(fold.max()) + 1):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def _loss(proba: FloatArray, codes: IntArray) -> float:
    return float(-np.log(proba[np.arange(len(codes)), codes].clip(1e-9)).mean())


def tuned_linear(
    x_train: Codes,
    y_train: ArrayLike,
    x_test: Codes,
    features: Features,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Logistic regression on :func:`scaled_kmers` or :func:`placed_letters`; C by inner folds.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> tuned_linear(windows, ["a", "b"] * 50, windows[:2], placed_letters).argmax(axis=1).tolist()
    [0, 1]
    """
    y = np.asarray(y_train)
    codes = np.unique(y, return_inverse=True)[1]
    x, other = features(x_train, x_test)
    pairs = list(some_folds(inner_folds(codes, groups, 3, seed), len(y)))

    def loss(C: float) -> float:  # noqa: N803 - scikit-learn's name
        found = [_loss(_linear(C).fit(x[a], y[a]).predict_proba(x[b]), codes[b]) for a, b in pairs]
        return float(np.mean(found))

    losses: dict[float, float] = {}
    for C in C_GRID:  # noqa: N806
        losses[C] = loss(C)
        if losses[C] > 1.02 * min(losses.values()):
            break
    best = min(losses, key=losses.__getitem__)
    return np.asarray(_linear(best).fit(x, y).predict_proba(other))


def _linear(C: float) -> LogisticRegression:  # noqa: N803
    return LogisticRegression(C=C, max_iter=500, tol=1e-3)


def scaled_kmers(x_train: Codes, x_test: Codes) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Square roots of the counts of the k-mers from 1 to 6, over their spread in training."""
    x, other = _root_counts(x_train), _root_counts(x_test)
    spread = np.sqrt(x.multiply(x).mean(axis=0).A1 - x.mean(axis=0).A1 ** 2).clip(0.05)
    scale = sparse.diags_array(0.3 / spread)
    return (x @ scale).tocsr(), (other @ scale).tocsr()


def _root_counts(windows: Codes) -> sparse.csr_matrix:
    chunks = np.array_split(windows, max(1, len(windows) // 2048))
    counted = [count_kmers(torch.from_numpy(chunk), 6).sqrt().numpy() for chunk in chunks]
    return sparse.vstack([sparse.csr_matrix(count) for count in counted], format="csr")


def placed_letters(x_train: Codes, x_test: Codes) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """One-hot letters at each position."""
    return sparse.csr_matrix(letters(x_train)), sparse.csr_matrix(letters(x_test))


class SmallCNN(nn.Module):
    """Two convolutions, a global maximum and mean, a linear map (after DeepBind and Basset)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.one_hot = OneHot()
        self.first = nn.Conv1d(4, 64, 11, padding=5)
        self.second = nn.Conv1d(64, 64, 7, padding=3)
        self.output = nn.Sequential(nn.Dropout(0.3), nn.Linear(64 + 64 * 8, num_classes))

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> logits (b, c)."""
        hidden = nn.functional.relu(self.first(self.one_hot(codes).transpose(1, 2)))
        hidden = nn.functional.relu(self.second(nn.functional.max_pool1d(hidden, 2)))
        placed = nn.functional.adaptive_avg_pool1d(hidden, 8).flatten(1)
        logits: Tensor = self.output(torch.cat([hidden.amax(2), placed], dim=1))
        return logits


def small_cnn(
    x_train: Codes,
    y_train: ArrayLike,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    repeats: int = 3,
    epochs: int = 30,
) -> FloatArray:
    """A small convolutional network, stopped early on a seventh of the rows; mean of seeds."""
    names, codes = np.unique(np.asarray(y_train), return_inverse=True)
    fold = inner_folds(codes, groups, 7, seed, if_small=None)
    answers = []
    for repeat in range(repeats):
        torch.manual_seed(1000 * seed + repeat)
        aside = fold == repeat % (fold.max() + 1)
        model = fit_cnn(
            SmallCNN(len(names)),
            x_train,
            torch.from_numpy(codes),
            aside,
            nn.functional.cross_entropy,
            epochs=epochs,
            seed=1000 * seed + repeat,
        )
        answers.append(cnn_outputs(model, x_test).softmax(1).numpy())
    return np.asarray(np.mean(answers, axis=0))


def fit_cnn(
    model: SmallCNN,
    windows: Codes,
    truth: Tensor,
    aside: BoolArray,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    epochs: int,
    seed: int,
) -> SmallCNN:
    """Fit on the rows that are not ``aside``, (n,), whose loss says when to stop."""
    rng = np.random.default_rng(seed)
    rows, best, patience = np.flatnonzero(~aside), np.inf, 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    state: dict[str, Tensor] = {}
    for _ in range(epochs):
        model.train()
        for batch in np.array_split(rng.permutation(rows), max(1, len(rows) // 128)):
            optimizer.zero_grad()
            loss(model(torch.from_numpy(windows[batch])), truth[batch]).backward()
            optimizer.step()
        found = float(loss(cnn_outputs(model, windows[aside]), truth[aside]))
        patience = 0 if found < best else patience + 1
        if found < best:
            best, state = found, {k: v.clone() for k, v in model.state_dict().items()}
        if patience == 4:
            break
    model.load_state_dict(state)
    return model


@torch.inference_mode()
def cnn_outputs(model: SmallCNN, windows: Codes) -> Tensor:
    """Logits or values, (n, c)."""
    model.eval()
    parts = np.array_split(windows, max(1, len(windows) // 1024))
    return torch.cat([model(torch.from_numpy(part)) for part in parts])


def log_pool(answers: Sequence[FloatArray]) -> FloatArray:
    """Average log-probabilities, (n, c) each; how models are averaged here.

    Examples
    --------
    >>> log_pool([np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]])]).tolist()
    [[0.5, 0.5]]
    """
    pooled = np.exp(np.mean([np.log(answer.clip(1e-9)) for answer in answers], axis=0))
    return np.asarray(pooled / pooled.sum(axis=1, keepdims=True))
