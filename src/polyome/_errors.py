"""Messages for inputs that cannot be used: what was found, what was needed, what to type next."""

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class InputError(ValueError):
    """The input or the options are wrong; the message says how to mend them.

    The command line prints the message alone and ends with exit code 2.

    Examples
    --------
    >>> raise InputError("obs has no column 'celltype'.")
    Traceback (most recent call last):
    polyome._errors.InputError: obs has no column 'celltype'.
    """


class PolyomeWarning(UserWarning):
    """Something that the user can act on; the result is valid nevertheless."""


def listed(names: Iterable[object], *, most: int = 8) -> str:
    """Names in quotes, the first few of them.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = [f"'{name}'" for name in names]
    if len(shown) <= most:
        return ", ".join(shown)
    return f"{', '.join(shown[:most])} and {len(shown) - most:,} more"


def suggestion(name: str, known: Sequence[str]) -> str:
    """Name the nearest known name as a question, or nothing where none is near.

    Examples
    --------
    >>> suggestion("celltype", ["donor", "cell_type"])
    " Did you mean 'cell_type'?"
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:
        lowered = {k.lower().replace("_", "").replace("-", ""): k for k in known}
        plain = name.lower().replace("_", "").replace("-", "")
        near = [lowered[plain]] if plain in lowered else []
    return f" Did you mean '{near[0]}'?" if near else ""


def missing_column(
    name: str, columns: Iterable[object], *, role: str, where: str = "obs"
) -> InputError:
    """Build the error for a column that is not there.

    Examples
    --------
    >>> print(missing_column("celltype", ["donor", "cell_type"], role="target"))
    obs has no column 'celltype' (target). Columns: 'donor', 'cell_type'. Did you mean 'cell_type'?
    """
    known = [str(column) for column in columns]
    shown = listed(known, most=20) if known else "none"
    return InputError(
        f"{where} has no column '{name}' ({role}). Columns: {shown}.{suggestion(name, known)}"
    )


def one_column(
    table: "pd.DataFrame", name: str, *, role: str, where: str = "obs"
) -> "pd.Series[Any]":
    """Look up a column that must be there, and once.

    Examples
    --------
    >>> import pandas as pd
    >>> one_column(pd.DataFrame([[1, 2]], columns=["a", "a"]), "a", role="group")
    Traceback (most recent call last):
    polyome._errors.InputError: there are 2 columns called 'a' (group); rename them.
    """
    alike = int((table.columns == name).sum())
    if not alike:
        raise missing_column(name, table.columns, role=role, where=where)
    if alike > 1:
        message = f"there are {alike} columns called '{name}' ({role}); rename them."
        raise InputError(message)
    return table[name]


def repeated_names(names: "pd.Index[Any]", *, where: str = "") -> InputError:
    """Build the error for records whose names do not tell them apart.

    Examples
    --------
    >>> import pandas as pd
    >>> print(repeated_names(pd.Index(["a", "b", "a"])))
    1 of the obs_names occurs more than once ('a'); answers are returned by name. Run ...
    """
    repeated = names[names.duplicated()].unique()
    verb = "occurs" if len(repeated) == 1 else "occur"
    return InputError(
        f"{where}{len(repeated):,} of the obs_names {verb} more than once "
        f"({listed(repeated, most=3)}); answers are returned by name. "
        "Run adata.obs_names_make_unique() and save the file again."
    )


def unknown_key(name: str, known: Iterable[str], *, where: str) -> InputError:
    """Build the error for an option that does not exist, with those that do.

    Examples
    --------
    >>> print(unknown_key("lr", ["learning_rate", "seed"], where="--set"))
    --set knows no key 'lr'. Known: 'learning_rate', 'seed'.
    """
    keys = sorted(known)
    return InputError(
        f"{where} knows no key '{name}'. Known: {listed(keys, most=60)}.{suggestion(name, keys)}"
    )
