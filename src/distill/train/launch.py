"""Training on several devices: the stage restarts itself through `accelerate launch`.

`train.devices` names a file in configs/accelerate, which says how many processes run on how many machines. Each runs
the stage on its share of every update's examples; how many examples make an update is still set in params.yaml.
"""

import os
import sys
from pathlib import Path

from distill.common.errors import InputError

CONFIGS = Path("configs/accelerate")
SINGLE = "single"
STARTED = "DISTILL_LAUNCHED"


def wanted(devices: str) -> bool:
    """Whether several processes are asked for, and this is not one of them yet."""
    return devices != SINGLE and "WORLD_SIZE" not in os.environ


def again(devices: str) -> None:
    """Replace this process by `accelerate launch` of the same command.

    Raises:
        InputError: There is no such configuration.
    """
    config = CONFIGS / f"{devices}.yaml"
    if not config.exists():
        known = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.yaml")))
        raise InputError(f"params.yaml: train.devices: no file {config}; choose one of: {known}")
    if STARTED in os.environ:  # a launcher that starts one plain process would start itself for ever
        raise InputError(f"{config}: accelerate starts no distributed processes from it; fix its distributed_type")
    os.environ[STARTED] = devices
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), "-m", "distill.train"]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *sys.argv[1:]])  # noqa: S606 (our own interpreter and arguments)
