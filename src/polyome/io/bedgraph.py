"""bedGraph: a number for every base, as text that genome browsers read."""

from pathlib import Path

import numpy as np
import pandas as pd

from polyome._types import FloatArray
from polyome.io.files import written_aside


def write_bedgraph(intervals: pd.DataFrame, values: FloatArray, path: Path) -> None:
    r"""Write values of the bases of intervals, sorted; their mean where intervals overlap.

    Parameters
    ----------
    intervals : n rows: ``chrom``, ``start``, ``end`` (0-based, half-open) and ``strand``; on ``-``
        the first value belongs to the last base.
    values : float, (n, length), NaN beyond the end of an interval.
    path : written aside and renamed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.bedgraph"
    >>> bed = pd.DataFrame({"chrom": ["c"], "start": [7], "end": [9], "strand": ["-"]})
    >>> write_bedgraph(bed, np.array([[0.5, -1.0]]), path)
    >>> path.read_text().splitlines()
    ['c\t7\t8\t-1', 'c\t8\t9\t0.5']
    """
    rows, places = np.nonzero(~np.isnan(values))
    is_reverse = (intervals["strand"] == "-").to_numpy()[rows]
    start, end = (intervals[name].to_numpy(np.int64)[rows] for name in ("start", "end"))
    at = np.where(is_reverse, end - 1 - places, start + places)
    table = pd.DataFrame(
        {"chrom": intervals["chrom"].to_numpy()[rows], "start": at, "value": values[rows, places]}
    )
    mean = table.groupby(["chrom", "start"], as_index=False, sort=True, observed=True).mean()
    mean.insert(2, "end", mean["start"] + 1)
    with written_aside(path) as aside:
        mean.to_csv(aside, sep="\t", header=False, index=False, float_format="%.6g")
