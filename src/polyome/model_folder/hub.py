"""Model folders on the Hugging Face hub; the network is used only where ``hf://`` asks for it."""

from pathlib import Path

from polyome._errors import InputError
from polyome.modalities.dna.pretrained import first_line
from polyome.model_folder.fitted_model import SCANNER

_STAYS_HERE = ("evaluation/*",)
"""Names, labels and answers of rows, which may not be anybody else's business."""


def local_folder(folder: str | Path) -> Path:
    """The folder itself; of ``hf://OWNER/NAME`` the copy that is downloaded, once.

    Raises
    ------
    InputError
        The hub cannot be reached, or has no such model for this user.

    Examples
    --------
    >>> local_folder("models/c").as_posix()
    'models/c'
    """
    if not is_on_hub(folder):
        return Path(folder)
    from huggingface_hub import snapshot_download

    name = _name(folder)
    try:
        return Path(snapshot_download(name, library_name="polyome"))
    except Exception as error:  # hub, network and disk each fail in their own way
        message = (
            f"hf://{name}: no model of this name could be fetched from the Hugging Face hub "
            f"({first_line(error)}). Check the name (hf://OWNER/NAME) and the network; "
            "private models need 'hf auth login'."
        )
        raise InputError(message) from error


def is_on_hub(folder: str | Path) -> bool:
    """Whether a folder's name is an address on the hub.

    Examples
    --------
    >>> is_on_hub("hf://owner/name"), is_on_hub(Path("hf://owner/name")), is_on_hub("owner/name")
    (True, True, False)
    """
    return _text(folder).startswith("hf:/")


def _text(folder: str | Path) -> str:
    return folder.as_posix() if isinstance(folder, Path) else folder


def _name(folder: str | Path) -> str:
    """OWNER/NAME; a Path makes one slash of two."""
    return _text(folder).removeprefix("hf:").strip("/")


def upload(folder: Path, name: str, *, private: bool, token: str | None) -> str:
    """Put a model folder on the hub as ``OWNER/NAME``, without the rows that were scored.

    Weights, scanner and rows that an earlier upload left there are removed, other files stay.

    Returns
    -------
    The address of the model.
    """
    from huggingface_hub import HfApi

    hub = HfApi(token=token, library_name="polyome")
    name = _name(name)
    try:
        made = hub.create_repo(name, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            commit_message="Upload a Polyome model",
            ignore_patterns=list(_STAYS_HERE),
            delete_patterns=["*.safetensors", f"{SCANNER}/*", *_STAYS_HERE],
        )
    except Exception as error:  # hub, network and disk each fail in their own way
        message = (
            f"'{name}' was not uploaded to the Hugging Face hub ({first_line(error)}). "
            "Check the name (OWNER/NAME), the network and that you may write ('hf auth login')."
        )
        raise InputError(message) from error
    return str(made)
