"""A remote for a team: it is named in .dvc/config after a file could be written there, read and removed.

    python -m distill.remote URL [NAME=VALUE ...]        (or `make remote URL=… OPTIONS=…`)
    python -m distill.remote                             prove that the default remote can be read
    python -m distill.remote --push                      push everything this machine computed (or `make push`)

In: a URL that DVC knows (a directory, s3://, ssh://, …), and its options as `dvc remote modify` names them. Keys come
from the environment or .dvc/config.local, which Git ignores. Out: the default remote `storage` in .dvc/config; with
`--push`, the remote's files: what the workspace needs, and every run that DVC has recorded, with its outputs, so that
a colleague's `dvc repro --pull` can use runs that are in no commit. (`dvc push --run-cache` pushes only the records.)

.dvc/config is not changed before the proof and never gets a key; nothing is committed.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from distill.common import cli
from distill.common.errors import InputError

NAME = "storage"
SECRET = ("key", "password", "passphrase", "token", "secret", "connection_string")
"""Words in the names of options that must not be in a committed file."""


def main() -> None:
    """Command line: `python -m distill.remote`."""
    parser = cli.parser(__doc__)
    parser.add_argument("url", nargs="?", default="", help="the remote; none: prove the default remote")
    parser.add_argument("options", nargs="*", metavar="NAME=VALUE", help="such as endpointurl=https://…")
    parser.add_argument("--push", action="store_true", help="without a URL: push the outputs of all runs")
    args = parser.parse_args()
    if args.url:
        url, options = address(args.url), dict(map(option, args.options))
        prove({"core": {"remote": NAME}, "remote": {NAME: {"url": url, **options}}}, write=True)
        add(url, options)
        print(told(url))
        return
    prove({}, write=args.push)
    if args.push:
        print(push())


def address(url: str) -> str:
    """Return the URL; for a directory, its absolute path."""
    return url if "://" in url else str(Path(url).expanduser().absolute())


def option(text: str) -> tuple[str, str]:
    """Read NAME=VALUE.

    Raises:
        InputError: It is something else, or a secret, which would be committed with .dvc/config.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"option '{text}': expected NAME=VALUE, such as endpointurl=https://s3.example.org")
    if any(word in name for word in SECRET):
        raise InputError(f"option '{name}': .dvc/config is committed; keep it in the environment, or in "
                         f".dvc/config.local by `dvc remote modify --local {NAME} {name} …`")  # fmt: skip
    return name, value


def prove(config: dict[str, object], write: bool) -> None:
    """Read from the default remote under `config`; with `write`, write a small file there, read it and remove it.

    Raises:
        InputError: There is no such remote, or it cannot be reached, written or read.
    """
    from dvc.config import NoRemoteError
    from dvc.repo import Repo

    try:
        with Repo(config=config) as repo:
            remote = repo.cloud.get_remote()
            url = repo.config["remote"][remote.name]["url"]
    except NoRemoteError:
        raise InputError(".dvc/config: names no default remote; set one with `make remote URL=…`") from None
    except Exception as error:  # DVC's own: an unknown kind of remote or option, or a missing library
        raise InputError(f"the remote: {reason(error)}; {cure(error)}; nothing was changed") from None
    try:
        (round_trip if write else look)(remote.fs, remote.path)
    except Exception as error:  # whatever a remote's library raises
        what = "written and read" if write else "read"
        raise InputError(f"{url}: cannot be {what} ({reason(error)}); {cure(error)}; nothing was changed") from None


def round_trip(fs: Any, path: str) -> None:
    """Write a file there, read it, remove it."""
    place = fs.join(path, f"proof-{uuid4().hex}")
    fs.makedirs(path, exist_ok=True)
    fs.pipe_file(place, place.encode())
    found = fs.cat_file(place)
    fs.remove(place)
    if found != place.encode():
        raise OSError("what was read is not what was written")


def look(fs: Any, path: str) -> None:
    """Ask for a file that does not exist: the right answer is that it does not, unless the place itself does not."""
    try:
        fs.cat_file(fs.join(path, "proof"))
    except FileNotFoundError as error:
        if "bucket" in reason(error).lower() or (fs.protocol == "local" and not fs.exists(path)):
            raise


def reason(error: BaseException) -> str:
    """Return what went wrong, in one line: the innermost cause, which says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:200] or type(error).__name__


def cure(error: Exception) -> str:
    """Return what to do about an error."""
    text = f"{type(error).__name__} {reason(error)}".lower()
    if any(word in text for word in ("denied", "credential", "forbidden", "accesskey", "signature", "permission")):
        return "check the credentials (environment, .dvc/config.local) and what they may do"
    if any(word in text for word in ("connect", "timeout", "timed out", "refused", "name or service")):
        return "check the address, and that the server is up"
    if any(word in text for word in ("bucket", "not exist", "no such")):
        return "create it, or correct the URL"
    if "no module named" in text:
        return "install it with pip"
    return "correct the URL or its options"


def push() -> str:
    """Push what the workspace needs, and the record and outputs of every run; return a summary.

    Raises:
        InputError: Some files could not be pushed.
    """
    from dvc.exceptions import UploadError
    from dvc.repo import Repo

    with Repo() as repo:
        try:
            files = repo.push()
            records = repo.stage_cache.push(None)
            result = repo.cloud.push(outputs(repo, records))
            failed, files = len(result.failed), files + len(result.transferred)
        except UploadError as error:
            failed = error.amount
    if failed:
        raise InputError(f"the remote: {failed} files could not be pushed; run the same command again")
    return f"{files} files pushed; {len(records)} runs are recorded there"


def outputs(repo: Any, records: list[tuple[str, str]]) -> set[Any]:
    """Return the hashes of the recorded runs' outputs; a run whose outputs `dvc gc` removed is left out."""
    from dvc.exceptions import CollectCacheError

    found: set[Any] = set()
    for record in records:
        try:
            found.update(*repo.stage_cache.get_used_objs([record]).values())
        except CollectCacheError:
            continue
    return {one for one in found if repo.cache.local.exists(one.value)}


def add(url: str, options: dict[str, str]) -> None:
    """Write the default remote into .dvc/config."""
    dvc = [sys.executable, "-m", "dvc", "remote"]
    commands = [["add", "--quiet", "--force", "--default", NAME, url]]
    commands += [["modify", NAME, name, value] for name, value in options.items()]
    for words in commands:
        subprocess.run([*dvc, *words], check=True)


def told(url: str) -> str:
    """Return what to do next."""
    return f"""{url}: written and read; it is the default remote now ('{NAME}' in .dvc/config)
you:        git commit -m 'Name the remote' .dvc/config && make push && git push
a teammate: git clone … && make setup && make pull        (keys: in the environment or .dvc/config.local)"""


if __name__ == "__main__":
    cli.run(main)
