"""Model folders on the Hugging Face hub; the network is used only where ``hf://`` asks for it."""

from pathlib import Path

from polyome._errors import InputError
from polyome.modalities.dna.pretrained import first_line

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
    # A Path makes one slash of two.
    scheme, _, name = str(folder).partition(":/")
    if scheme != "hf":
        return Path(folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    name = name.strip("/")
    try:
        return Path(snapshot_download(name, library_name="polyome"))
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        message = (
            f"hf://{name}: no model of this name could be fetched from the Hugging Face hub "
            f"({first_line(error)}). Check the name (hf://OWNER/NAME) and the network; "
            "private models need 'hf auth login'."
        )
        raise InputError(message) from error


def upload(folder: Path, name: str, *, private: bool | None, token: str | None) -> str:
    """Put a model folder on the hub as ``OWNER/NAME``, without the rows that were scored.

    Returns
    -------
    The address of the model.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    hub = HfApi(token=token, library_name="polyome")
    name = name.removeprefix("hf://")
    try:
        made = hub.create_repo(name, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            commit_message="Upload a Polyome model",
            ignore_patterns=list(_STAYS_HERE),
        )
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        message = (
            f"'{name}' was not uploaded to the Hugging Face hub ({first_line(error)}). "
            "Check the name (OWNER/NAME), the network and that you may write ('hf auth login')."
        )
        raise InputError(message) from error
    return str(made)
