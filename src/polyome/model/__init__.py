"""The shared trunk and the model around it.

``import polyome.model`` makes the network known to transformers' Auto classes.
"""

from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel

__all__ = ["PolyomeConfig", "PolyomeModel"]
