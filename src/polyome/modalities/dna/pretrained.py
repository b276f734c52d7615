"""Models of Hugging Face checkpoints, rebuilt from what a Polyome folder holds of them.

A checkpoint is a folder or a name on the Hugging Face hub. What it takes to build its model and
its tokenizer again, all but the weights, is a :class:`Blueprint`: plain JSON, kept in Polyome's own
folder, so that this folder needs neither the checkpoint nor a network.

Some checkpoints bring Python code. It runs only with the user's consent, and consent is never read
from a file: it is given when a checkpoint is opened, and again when a model folder is.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer
from transformers.utils import logging

from polyome._errors import InputError, listed

# In the order of preference; the encoder is taken out of those with a head.
_AUTO_CLASSES = (
    "AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM",
    "AutoModelForSequenceClassification", "AutoModelForTokenClassification",
)  # fmt: skip
# Where it came from, and choices of kernels, which may name code to download.
LEFT_OUT = (
    "_name_or_path", "_attn_implementation", "attn_implementation", "experts_implementation",
    "quantization_config", "_commit_hash",
)  # fmt: skip
_NO_PART = ("pooler", "contact_head")  # parts of transformers' models beside the token states

BUILDING_FAILS = (
    ImportError, OSError, ValueError, AttributeError, TypeError, KeyError, RuntimeError,
    ArithmeticError, AssertionError, StrictDataclassError,
)  # fmt: skip
"""What a configuration with wrong values may raise in transformers."""

_consented: set[str] = set()  # digests of code that a user of this process agreed to run
_consents: ContextVar[bool] = ContextVar("consents", default=False)


@contextmanager
def code_allowed(*, trust_remote_code: bool) -> Iterator[None]:
    """Let models that are loaded inside run the code that came with their backbone, or not.

    Examples
    --------
    >>> with code_allowed(trust_remote_code=False):
    ...     pass  # load a model folder
    """
    token = _consents.set(trust_remote_code)
    try:
        yield
    finally:
        _consents.reset(token)


@dataclass(frozen=True)
class Blueprint:
    """What builds a checkpoint's model again, without its weights.

    Parameters
    ----------
    config : the checkpoint's configuration, as JSON values.
    code : Python sources that came with it, by file name; empty for transformers' own models.

    Examples
    --------
    >>> blueprint = Blueprint({"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2})
    >>> type(blueprint.model()).__name__
    'BertModel'
    """

    config: dict[str, Any]
    code: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def check_consent(self) -> None:
        """Refuse to run code that nobody agreed to run."""
        if not self.code:
            return
        if _consents.get():
            self.consent()
        if _digest(self.code) not in _consented:
            message = (
                "this model runs Python code that came with its backbone "
                f"({listed(sorted(self.code))}; the texts are under 'code' in the folder's "
                "config.json). Code can do whatever you can do on this computer. Read it; if you "
                "trust it, pass trust_remote_code=True (--set trust_remote_code=true)."
            )
            raise InputError(message)

    def consent(self) -> None:
        """Remember that the user agreed to run this very code."""
        _consented.add(_digest(self.code))

    def model(self) -> nn.Module:
        """Build the model, float32, with random weights and without a head."""
        with self.folder() as folder:
            whole = self._whole(folder)
        return _encoder(whole)

    def tokenizer(self, files: dict[str, str]) -> Any:  # many classes
        """Build the tokenizer from its files' texts."""
        with self.folder(files) as folder:
            try:
                with quiet():
                    return AutoTokenizer.from_pretrained(folder, trust_remote_code=bool(self.code))
            except BUILDING_FAILS as error:
                raise InputError(_does_not_run(self, "tokenizer", error)) from error

    def weights(self, checkpoint: str) -> dict[str, Tensor]:
        """Read the checkpoint's weights (safetensors only), for :meth:`model`.

        Raises
        ------
        InputError
            A file is damaged, a weight is missing, of another shape, or no finite number.
        """
        with self.folder() as folder, torch.device("meta"):
            whole = self._whole(folder)  # for its class and configuration alone
        what = f"backbone='{checkpoint}'"
        check_files(what, Path(checkpoint))
        try:
            with quiet():
                loaded, info = type(whole).from_pretrained(
                    checkpoint,
                    config=whole.config,
                    use_safetensors=True,
                    ignore_mismatched_sizes=True,  # reported, and refused below
                    dtype=torch.float32,
                    output_loading_info=True,
                )
        except OSError as error:
            message = (
                f"{what}: no weights in the format safetensors could be read "
                f"({first_line(error)}). Others, such as pytorch_model.bin, are pickles, which "
                "can run code when they are opened, and are refused; load the model in "
                "transformers where you trust it and save it with save_pretrained."
            )
            raise InputError(message) from error
        except SafetensorError as error:  # of a file of the hub
            message = f"{what}: its weights are damaged ({first_line(error)}). Download them again."
            raise InputError(message) from error
        except RuntimeError as error:
            raise InputError(_misfit(what, self, first_line(error))) from error
        encoder = _encoder(loaded)
        changed = {name for name, *_ in info["mismatched_keys"]}
        _check_all_loaded(what, self, loaded, encoder, changed | set(info["missing_keys"]))
        check_finite(f"{what}: its weights", dict(encoder.named_parameters()))
        return encoder.state_dict()

    @contextmanager
    def folder(self, files: dict[str, str] | None = None) -> Iterator[Path]:
        """Write configuration, code and other files where transformers can read them."""
        self.check_consent()
        with tempfile.TemporaryDirectory() as above:
            # Transformers copies code into a cache, by the folder's name: one for the same code.
            folder = Path(above) / f"backbone_{_digest(self.code)[:16]}"
            folder.mkdir()
            for name, text in {**(files or {}), **self.code}.items():
                if Path(name).name != name or "\\" in name:
                    message = f"the backbone has a file named '{name}': a plain name is needed."
                    raise InputError(message)
                (folder / name).write_text(text, encoding="utf-8")
            config = own_code({k: v for k, v in self.config.items() if k not in LEFT_OUT})
            (folder / "config.json").write_text(json.dumps(config))
            kept = folder / "tokenizer_config.json"
            if kept.exists():
                kept.write_text(json.dumps(own_code(json.loads(kept.read_text()))))
            yield folder

    def _whole(self, folder: Path) -> Any:  # any model class
        trusted = bool(self.code)
        try:
            with quiet():
                config = AutoConfig.from_pretrained(folder, trust_remote_code=trusted)
                config.dtype = torch.float32
                auto = getattr(transformers, self._auto_class())
                return auto.from_config(config, trust_remote_code=trusted)
        except BUILDING_FAILS as error:
            raise InputError(_does_not_run(self, "model", error)) from error

    def _auto_class(self) -> str:
        offered = self.config.get("auto_map") or {}
        if not self.code:
            return _AUTO_CLASSES[0]
        return next((name for name in _AUTO_CLASSES if name in offered), _AUTO_CLASSES[0])


def own_code(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings whose ``auto_map`` names files beside them, never another repository's.

    Examples
    --------
    >>> own_code({"auto_map": {"AutoModel": "owner/other--modeling.Model"}})
    {'auto_map': {'AutoModel': 'modeling.Model'}}
    """

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return value.rpartition("--")[2]
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list | tuple) else value

    if "auto_map" not in settings:
        return settings
    return settings | {"auto_map": plain(settings["auto_map"])}


def _encoder(whole: Any) -> nn.Module:
    """A model without its head and without parts that its token states do not need."""
    encoder: nn.Module = whole.base_model
    for name in _NO_PART:
        if type(encoder).__module__.startswith("transformers.") and hasattr(encoder, name):
            setattr(encoder, name, None)
    return encoder


def _check_all_loaded(
    what: str, blueprint: Blueprint, whole: nn.Module, encoder: nn.Module, skipped: set[str]
) -> None:
    """Refuse a model some of whose weights would stay random."""
    used = {
        id(weight)
        for name, weight in encoder.named_parameters()
        if name.split(".")[0] not in _NO_PART
    }
    lacking = [
        name
        for name, weight in whole.named_parameters(remove_duplicate=False)
        if name in skipped and id(weight) in used
    ]
    if lacking:
        first = sorted(lacking)[0]
        reason = f"{len(lacking):,} are missing or of another shape, such as '{first}'"
        raise InputError(_misfit(what, blueprint, reason))


def check_files(what: str, folder: Path) -> None:
    """Refuse a checkpoint's folder with a weight file that is damaged, and name the file.

    Examples
    --------
    >>> check_files("backbone='owner/model'", Path("owner/model"))  # no folder: of the hub
    """
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt"):
                pass  # the header says how long the file must be
        except (SafetensorError, OSError) as error:
            message = (
                f"{what}: {path.name} is cut short or damaged ({first_line(error)}; it has "
                f"{path.stat().st_size:,} bytes). Copy or download it again."
            )
            raise InputError(message) from error


def check_finite(what: str, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are NaN or infinite: every answer would be.

    Examples
    --------
    >>> check_finite("a.safetensors", {"w": torch.tensor([1.0, torch.nan])})
    Traceback (most recent call last):
    polyome._errors.InputError: a.safetensors: 1 of 2 values of 'w' are NaN or infinite. ...
    """
    for name, weight in weights.items():
        wrong = 0 if not weight.is_floating_point() else int((~weight.isfinite()).sum())
        if wrong:
            message = (
                f"{what}: {wrong:,} of {weight.numel():,} values of '{name}' are NaN or infinite. "
                "The training that wrote them failed, or the file is damaged: copy it again, or "
                "take another model."
            )
            raise InputError(message)


def _misfit(what: str, blueprint: Blueprint, reason: str) -> str:
    kind = blueprint.config.get("model_type")
    message = f"{what}: the weights do not fit the model '{kind}' of its config.json: {reason}."
    if not blueprint.code:
        message += (
            " If the checkpoint brings code of its own that you have read and trust, pass "
            "trust_remote_code=True (--set trust_remote_code=true)."
        )
    return message


def _does_not_run(blueprint: Blueprint, part: str, error: Exception) -> str:
    kind = blueprint.config.get("model_type")
    whose = "its own code" if blueprint.code else "its configuration"
    return (
        f"the {part} of the backbone '{kind}' cannot be built by transformers "
        f"{transformers.__version__}: {whose} fails with {type(error).__name__}: "
        f"{first_line(error)}"
    )


def first_line(error: BaseException) -> str:
    """What an error says first, for a message of ours.

    Examples
    --------
    >>> first_line(OSError("No such file."))
    'No such file'
    """
    return " ".join(str(error).strip().split("\n")[0].split())[:200].rstrip(".")


def _digest(code: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and reports away; what matters is raised.

    Examples
    --------
    >>> with quiet():
    ...     pass  # load something
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
