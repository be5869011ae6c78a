"""What a confined program can do to its user's processes and files, and learn of the machine: for each kind of user.

Every call is made by `attacks.py` inside a sandbox, and then outside, as the same user, on the same things: there it
must work, so that a call that fails inside fails because of the sandbox.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import attacks
from distill.sandbox import launcher
from distill.sandbox.run_checks import SANDBOXES

NOBODY, NO_PASSWD_ENTRY = 65534, 54321
USERS = {"this user": None, "an ordinary user": NOBODY, "a user without a passwd entry": NO_PASSWD_ENTRY}
SYSTEM_PYTHON = Path("/usr/bin/python3")


@cache
def interpreter() -> str:
    """Return a Python that every user may run, of this version: sandlock is built for it."""
    version = "import sys; print(sys.version_info[:2])"
    own = Path(os.path.realpath(sys.executable))
    if all(place.stat().st_mode & stat.S_IXOTH for place in [own, *own.parents]):
        return str(own)
    if SYSTEM_PYTHON.exists():
        found = subprocess.run([SYSTEM_PYTHON, "-c", version], capture_output=True, text=True, check=True).stdout
        if found.strip() == str(sys.version_info[:2]):
            return str(SYSTEM_PYTHON)
    pytest.skip(f"other users may not run {own}, nor is {SYSTEM_PYTHON} of its version")


@pytest.fixture(scope="module")
def code() -> Iterator[Path]:
    """A copy of the code that runs, where every user can read it."""
    with tempfile.TemporaryDirectory(prefix="walls-code-") as folder:
        copy = Path(folder)
        package = copy.joinpath(*launcher.__name__.split(".")[:-1])
        shutil.copytree(Path(launcher.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(attacks.__file__, copy)
        sandlock = pytest.importorskip("sandlock")
        shutil.copytree(Path(sandlock.__file__).parent, copy / "sandlock")
        copy.chmod(0o755)
        yield copy


@pytest.fixture(scope="module", params=[(name, user) for name in SANDBOXES for user in USERS], ids=" as ".join)
def found(request: pytest.FixtureRequest, code: Path) -> Any:
    """What the calls came to, in one sandbox as one user."""
    name, user = request.param
    command = [sys.executable] if USERS[user] is None else [*become(USERS[user]), interpreter()]
    done = subprocess.run(
        [*command, "-P", "-B", code / "attacks.py", name],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    if "unavailable" in result:
        pytest.skip(f"{name} does not work here for {user}: {result['unavailable']}")
    return result


def become(user: int | None) -> list[str]:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user (with setpriv)")
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def test_nothing_of_the_user_s_or_the_machine_s_is_touched_or_told(found: Any) -> None:
    refused = [name for name, result in found["inside"].items() if "Error" in str(result)]
    assert refused == list(attacks.CALLS)
    assert found["harm"] == []
    # The control. Old kernels lack some calls, which then prove nothing.
    failed = {name: result for name, result in found["outside"].items() if name in attacks.CALLS and result != "done"}
    assert {name: result for name, result in failed.items() if "not implemented" not in result} == {}


def test_a_path_outside_looks_the_same_whether_it_exists_or_not(found: Any) -> None:
    assert found["paths"]["there"] == found["paths"]["absent"]
    assert found["paths"]["there"].keys() == attacks.LOOKS.keys()
    assert all("Error" in result for result in found["paths"]["there"].values())
    # The control: outside it is there (and no link, which is what readlink says).
    outside = {name: found["outside"][name] for name in attacks.LOOKS}
    assert {outside.pop(name) for name in ("readlink", "old readlink") if name in outside} == {
        "OSError Invalid argument"
    }
    assert set(outside.values()) <= {"done", True}


def test_ordinary_code_is_not_hindered(found: Any) -> None:
    assert found["ordinary"] == dict.fromkeys(attacks.ORDINARY, True)
