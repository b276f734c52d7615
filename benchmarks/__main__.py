"""``python -m benchmarks [ROW ...]``."""

import sys

from benchmarks import (
    alignment,
    batches,
    cells,
    demo_sets,
    explain,
    expression,
    homology,
    inputs,
    multilabel,
    promoters,
    relations,
    scan,
    small_inputs,
    tables,
    tissue,
    translate,
)

MODULES = (
    alignment,
    batches,
    cells,
    demo_sets,
    promoters,
    relations,
    homology,
    scan,
    tissue,
    explain,
    expression,
    inputs,
    small_inputs,
    multilabel,
    tables,
    translate,
)
ROWS = {name: row for module in MODULES for name, row in module.ROWS.items()}


def main() -> None:
    """Run the rows named, or all."""
    chosen = sys.argv[1:] or list(ROWS)
    for name in chosen:
        if name not in ROWS:
            message = f"no row '{name}'; rows: {', '.join(ROWS)}"
            raise SystemExit(message)
        print(f"{name}", flush=True)
        ROWS[name]()


if __name__ == "__main__":
    main()
