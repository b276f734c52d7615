"""Opening a checkpoint of Hugging Face: what can be wrong is said before work starts."""

import json
import tempfile
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, dynamic_module_utils
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.tokenization_auto import get_tokenizer_config

from polyome._errors import InputError, listed
from polyome.modalities.dna.pretrained import (
    BUILDING_FAILS,
    LEFT_OUT,
    Blueprint,
    check_files,
    first_line,
    own_code,
    quiet,
)


def open_checkpoint(
    checkpoint: str, *, trust_remote_code: bool
) -> tuple[Blueprint, Any, dict[str, str]]:
    """Read a checkpoint's configuration and tokenizer, not its weights.

    Parameters
    ----------
    checkpoint : a folder, or a name on the Hugging Face hub.
    trust_remote_code : run the Python code that comes with it.

    Returns
    -------
    The blueprint of its model; its tokenizer; the texts of the tokenizer's files.
    """
    raw = _raw_config(checkpoint)
    own = raw.get("auto_map") or {}
    if raw.get("model_type") not in CONFIG_MAPPING and not (own and trust_remote_code):
        raise InputError(_unknown_type(checkpoint, raw, has_code=bool(own)))
    trusted = trust_remote_code and bool(own)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=trusted)
    except BUILDING_FAILS as error:
        message = f"backbone='{checkpoint}': config.json cannot be used ({first_line(error)})."
        raise InputError(message) from error
    settings = json.loads(config.to_json_string(use_diff=False))
    settings = {key: value for key, value in settings.items() if key not in LEFT_OUT}
    if settings.get("is_encoder_decoder"):
        message = f"backbone='{checkpoint}' has an encoder and a decoder; an encoder is needed."
        raise InputError(message)
    tokenizer = _open_tokenizer(checkpoint, trust_remote_code=trust_remote_code)
    code = {}
    if trust_remote_code:
        own_tokenizer = get_tokenizer_config(checkpoint).get("auto_map") or {}
        code = _sources(checkpoint, [own, own_tokenizer])
    settings = own_code(settings | ({"auto_map": own} if trusted else {}))
    if not trusted:
        settings.pop("auto_map", None)
    blueprint = Blueprint(settings, code)
    blueprint.consent()  # trust_remote_code was the user's word
    return blueprint, tokenizer, _files_of(tokenizer, checkpoint)


def located(checkpoint: str) -> str:
    """A checkpoint's folder with ``~`` spelled out; a name on the hub as it is.

    Examples
    --------
    >>> located("owner/model")
    'owner/model'
    """
    folder = Path(checkpoint).expanduser()
    return str(folder) if folder.is_dir() else checkpoint


def _raw_config(checkpoint: str) -> dict[str, Any]:
    folder = Path(checkpoint)
    if folder.is_dir() and not (folder / "config.json").is_file():
        found = listed(sorted(p.name for p in folder.iterdir()), most=6) or "nothing"
        message = (
            f"backbone='{checkpoint}' has no config.json; it holds {found}. The folder that "
            "save_pretrained wrote is needed: config.json, model.safetensors and a tokenizer."
        )
        raise InputError(message)
    if folder.is_file() or (not folder.is_dir() and _is_path(checkpoint)):
        what = "is a file" if folder.is_file() else "does not exist"
        message = (
            f"backbone='{checkpoint}' {what}; the folder of a checkpoint, or its name on the "
            "Hugging Face hub (OWNER/MODEL), is needed."
        )
        raise InputError(message)
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        others = sorted(p.name for p in folder.glob("*.bin"))
        message = (
            f"backbone='{checkpoint}' has no weights in the format safetensors"
            f"{f', only {listed(others)}: pickles, which can run code, are refused' * bool(others)}"
            ". Load it in transformers where you trust it, and save it with save_pretrained."
        )
        raise InputError(message)
    if folder.is_dir():
        check_files(f"backbone='{checkpoint}'", folder)
        return _read_config(folder / "config.json", checkpoint)
    try:
        with quiet():
            raw: dict[str, Any] = PreTrainedConfig.get_config_dict(str(checkpoint))[0]
    except (OSError, ValueError) as error:
        message = (
            f"backbone='{checkpoint}': no such folder here, and it could not be read from the "
            f"Hugging Face hub ({first_line(error)}). Pass the folder of a downloaded checkpoint, "
            "or try again with a network."
        )
        raise InputError(message) from error
    return raw


def _read_config(path: Path, checkpoint: str) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = (
            f"backbone='{checkpoint}': config.json is damaged ({first_line(error)}). Copy or "
            "download it again."
        )
        raise InputError(message) from error
    if not isinstance(raw, dict):
        message = f"backbone='{checkpoint}': config.json holds no settings (an object is needed)."
        raise InputError(message)
    return raw


def _is_path(checkpoint: str) -> bool:
    """Whether a name can only be a path: on the hub it has at most one slash."""
    return checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") > 1 or "\\" in checkpoint


def _unknown_type(checkpoint: str, raw: dict[str, Any], *, has_code: bool) -> str:
    kind = raw.get("model_type")
    if has_code:
        return (
            f"backbone='{checkpoint}' brings Python code of its own (its type, '{kind}', is not "
            "one of transformers' own). Code can do whatever you can do on this computer. Read "
            "it; if you trust it, pass trust_remote_code=True (--set trust_remote_code=true)."
        )
    return (
        f"backbone='{checkpoint}' is of type '{kind}', which transformers "
        f"{transformers.__version__} does not know."
    )


def _open_tokenizer(checkpoint: str, *, trust_remote_code: bool) -> Any:
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=trust_remote_code)
    except (ImportError, OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        own = get_tokenizer_config(checkpoint).get("auto_map")
        if own and not trust_remote_code:
            message = (
                f"backbone='{checkpoint}' brings Python code for its tokenizer. Read it; if you "
                "trust it, pass trust_remote_code=True (--set trust_remote_code=true)."
            )
        else:
            message = (
                f"backbone='{checkpoint}': its tokenizer cannot be read ({first_line(error)}). "
                "The tokenizer's files (tokenizer.json or vocab.txt, tokenizer_config.json) are "
                "needed beside config.json."
            )
        raise InputError(message) from error


def _files_of(tokenizer: Any, checkpoint: str) -> dict[str, str]:
    """Texts of the files that a tokenizer saves of itself."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        try:
            return {
                path.name: path.read_text(encoding="utf-8")
                for path in sorted(Path(folder).iterdir())
                if path.suffix != ".py"
            }
        except UnicodeDecodeError as error:
            message = f"backbone='{checkpoint}': its tokenizer's files are not text."
            raise InputError(message) from error


def _sources(checkpoint: str, maps: list[Any]) -> dict[str, str]:
    """Texts of the Python files that ``auto_map`` names, and of those that they import."""
    found: dict[str, str] = {}
    for reference in (ref for each in maps for ref in _references(each)):
        repository, _, name = reference.rpartition("--")
        module = dynamic_module_utils.get_cached_module_file(
            repository or checkpoint, name.split(".")[0] + ".py"
        )
        path = Path(dynamic_module_utils.HF_MODULES_CACHE) / module
        for file in [path, *map(Path, dynamic_module_utils.get_relative_import_files(path))]:
            found[file.name] = file.read_text(encoding="utf-8")
    return found


def _references(auto_map: Any) -> list[str]:  # a string, a list or a dictionary
    if isinstance(auto_map, str):
        return [auto_map]
    values = auto_map.values() if isinstance(auto_map, dict) else auto_map or ()
    return [reference for value in values for reference in _references(value)]
