"""Where the repository is, and what is kept in its .distill: paid answers, checkpoints, unfinished work.

These lie outside the pipeline's outputs, which DVC deletes before it runs a stage.
"""

import os
from pathlib import Path


def root() -> Path:
    """Return the main repository: DVC_ROOT, else the nearest directory upwards with a .dvc in it, else this one.

    DVC_ROOT names the main repository also when DVC runs a stage in a copy of it (`dvc exp run --temp`, `--queue`).
    """
    if place := os.environ.get("DVC_ROOT"):
        return Path(place).absolute()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def kept(*names: str) -> Path:
    """Return a place in .distill of the main repository."""
    return root().joinpath(".distill", *names)
