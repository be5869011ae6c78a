"""Where the repository is, and its folder .distill: paid answers, checkpoints, unfinished work.

.distill is outside the pipeline's outputs, which DVC deletes before it runs a stage.
"""

import os
from pathlib import Path


def root() -> Path:
    """Return the main repository: DVC_ROOT, else the nearest directory upwards that has a .dvc, else this one.

    DVC_ROOT names the main repository even when DVC runs a stage in a copy of it (`dvc exp run --temp`, `--queue`).
    """
    if place := os.environ.get("DVC_ROOT"):
        return Path(place).absolute()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def kept(*names: str) -> Path:
    """Return a path in the main repository's .distill."""
    return root().joinpath(".distill", *names)
