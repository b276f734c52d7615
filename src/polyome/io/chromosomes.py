"""Names of chromosomes: ``chr1`` and ``1`` are one."""

import re


def plain_chromosome(name: str) -> str:
    """Spelling that all names of a chromosome share.

    Examples
    --------
    >>> [plain_chromosome(name) for name in ("chr1", "1", "chrM", "scaffold_7")]
    ['1', '1', 'MT', 'scaffold_7']
    """
    plain = re.sub(r"^chr(?=.)", "", name)
    return "MT" if plain in {"M", "MT"} else plain
