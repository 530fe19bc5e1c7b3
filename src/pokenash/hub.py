"""Files of public repositories on Hugging Face's hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pokenash.errors import InputError

__all__ = ["fetch_hub_file"]


def fetch_hub_file(repository: str, file: str, *, revision: str, what: str, **options: Any) -> Path:
    """Fetch a file, or find it in the hub's cache on this machine.

    Parameters
    ----------
    repository, file : str
    revision : str
        Commit SHA, tag or branch.
    what : str
        What the caller fetches, for the message where the extra is not installed.
    **options
        Further arguments of ``huggingface_hub.hf_hub_download``.

    Raises
    ------
    InputError
        If the extra ``hub`` is not installed, or the file cannot be had. With ``HF_HUB_OFFLINE=1`` nothing is fetched.
    """
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise InputError(f"fetching {what} needs huggingface_hub: pip install 'pokenash[hub]'") from error
    where = f"{file} of {repository} at revision {revision}"
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file, revision=revision, **options))
    except huggingface_hub.errors.LocalEntryNotFoundError as error:
        offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
        reason = "HF_HUB_OFFLINE is set" if offline else "the server cannot be reached"
        raise InputError(f"{where} is not in the cache and {reason}; fetch it where there is a network") from error
    except huggingface_hub.errors.HfHubHTTPError as error:
        raise InputError(f"{where} cannot be fetched: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise InputError(f"{where} cannot be fetched: {error}") from error
