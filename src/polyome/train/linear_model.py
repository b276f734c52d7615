"""Features that the linear model beside the transformer reads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

from polyome._threads import batch_threads
from polyome._types import IntArray
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.modalities.embeddings import LinearFeatures
from polyome.outputs.linear import Fold


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
