"""Checking of settings: pydantic judges each value by its field, the message is ours."""

from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Ge, Gt, Le, Lt, Predicate
from pydantic import ConfigDict, TypeAdapter, ValidationError

from polyome._errors import InputError

_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


class Settings:
    """A base of dataclasses whose values are checked by the types of their fields.

    A field is ``name: Count = 3``, with a type of :mod:`polyome.settings.limits`. NumPy's numbers,
    which a sweep over an array brings, are kept as Python's.

    Raises
    ------
    InputError
        When it is made with a value of another type, or beyond a limit.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from polyome.settings.limits import BelowOne, Count
    >>> @dataclass(frozen=True)
    ... class Network(Settings):
    ...     hidden_size: Count = 64
    ...     dropout: BelowOne = 0.1
    >>> Network(hidden_size=np.int64(8)).hidden_size
    8
    >>> Network(dropout=3.0)
    Traceback (most recent call last):
    polyome._errors.InputError: dropout=3.0: a number from 0 to below 1 is needed.
    """

    def __post_init__(self) -> None:
        settings: Any = type(self)
        hints = hints_of(settings)
        for setting in fields(self):  # type: ignore[arg-type] # of a dataclass, always
            value = getattr(self, setting.name)
            checked = _checked(setting.name, value, hints[setting.name])
            if checked is not value:
                object.__setattr__(self, setting.name, checked)


@cache
def hints_of(settings: Any) -> dict[str, Any]:
    """Types of a dataclass's fields with their limits, by name."""
    hints = get_type_hints(settings, include_extras=True)
    return {setting.name: hints[setting.name] for setting in fields(settings)}


@cache
def _adapter(hint: Any, *, finite: bool = True) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=ConfigDict(allow_inf_nan=not finite))


def _checked(name: str, value: Any, hint: Any) -> Any:
    """A value as its field wants it; text stays text."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        return _adapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        wrong_type = any("_type" in e["type"] or "_from_" in e["type"] for e in error.errors())
        if wrong_type:
            message = f"{name}={value!r}: {_kind(hint)} is needed."
        elif any(e["type"] == "predicate_failed" for e in error.errors()):
            message = f"{name}={value}: an odd number is needed, such as {value + 1}."
        else:
            message = f"{name}={value}: a number {limits_in_words(hint)} is needed."
        raise InputError(message) from None


def from_text(name: str, value: Any, hint: Any) -> Any:
    """Read a text, or what a configuration file holds, as the type of a field; limits come later.

    Parameters
    ----------
    name : of the setting, for the message.
    value : such as ``"128"``; ``none``, ``null`` and nothing are None where the field allows it.
    hint : the field's type.

    Raises
    ------
    InputError
        It is no such thing.

    Examples
    --------
    >>> from_text("hidden_size", "128", int)
    128
    >>> from_text("align", "perhaps", bool)
    Traceback (most recent call last):
    polyome._errors.InputError: --set align=perhaps: true or false is needed.
    """
    options = _options(hint)
    if NoneType in options and (value is None or str(value).lower() in ("none", "null", "")):
        return None
    if any(get_origin(option) is type(value) for option in options):  # a list, a mapping
        return value
    plain = next(option for option in options if option is not NoneType)
    try:
        if plain is str and isinstance(value, bool | int | float):  # a file's plain value
            return str(value)
        if isinstance(value, bool) != (plain is bool) and not isinstance(value, str):
            raise TypeError
        given = value.strip() if isinstance(value, str) else value
        return _adapter(plain, finite=False).validate_python(given)
    except (ValidationError, TypeError):
        message = f"--set {name}={value}: {_kind(plain)} is needed."
        raise InputError(message) from None


def limits_in_words(hint: Any) -> str:
    """What a number may be, in words; empty where it may be any.

    Examples
    --------
    >>> from polyome.settings.limits import Count, Proportion
    >>> limits_in_words(Count), limits_in_words(Proportion | None), limits_in_words(int)
    ('of at least 1', 'from 0 to 1', '')
    """
    low, high = "", ""
    for limit in _limits(hint):
        match limit:
            case Ge(ge=bound):
                low = f"from {bound:g}"
            case Gt(gt=bound):
                low = f"above {bound:g}"
            case Le(le=bound):
                high = f"{bound:.10g}"
            case Lt(lt=bound):
                high = f"below {bound:g}"
            case Predicate():
                pass
    if low and not high:
        return low.replace("from", "of at least")
    return f"{low} to {high}" if low else high


def _limits(hint: Any) -> tuple[Any, ...]:
    """Limits of the number among the types that a field allows."""
    if get_origin(hint) is Annotated:
        return tuple(get_args(hint)[1:])
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, map(_limits, get_args(hint))), ())
    return ()


def _options(hint: Any) -> list[Any]:
    """Types that a field allows, without their limits."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [option for part in get_args(hint) for option in _options(part)]
    return [hint]


def _kind(hint: Any) -> str:
    plain = next(option for option in _options(hint) if option is not NoneType)
    return _WORDS.get(getattr(plain, "__name__", ""), str(plain))
