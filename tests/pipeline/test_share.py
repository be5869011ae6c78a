"""A team on one remote, by the real dvc and real servers: the commands of docs/share.md."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

import remotes
from repository import ROOT
from workspace import clone, commit, dvc, git, repro, run, set_params

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("share"), pytest.mark.timeout(1800)]
ADAPTER = "models/distilled-student/adapter_model.safetensors"


def make(folder: Path, *words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile in the environment that runs the tests."""
    ready = f"{sys.prefix}/.ready"
    return run(folder, "make", "--no-print-directory", "-o", ready, f"VENV={sys.prefix}", *words, check=check, **env)


@pytest.fixture(scope="module")
def tried(ran: Path) -> Path:
    """The workspace, in which rank 4 has been tried, and taken back."""
    set_params(ran, {"train.lora.r": 4})
    repro(ran)
    git(ran, "checkout", "-q", "--", ".")
    dvc(ran, "checkout", "-q")
    return ran


class Server:
    """Where a remote is, and what somebody needs to use it."""

    def __init__(self, url: str, options: str = "", env: dict[str, str] | None = None) -> None:
        self.url, self.options, self.env = url, options, env or {}


@pytest.fixture(params=["directory", "s3", "ssh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with ExitStack() as stack:
        if request.param == "directory":
            yield Server(str(tmp_path / "remote"))
        elif request.param == "s3":
            endpoint, keys = stack.enter_context(remotes.s3())
            yield Server("s3://distill/team", f"endpointurl={endpoint}", keys)
        else:
            pytest.importorskip("dvc_ssh", reason="dvc-ssh is not installed")
            url, keyfile = stack.enter_context(remotes.ssh(tmp_path / "root"))
            yield Server(f"{url}team", "", {"KEYFILE": str(keyfile)})


def give_key(folder: Path, server: Server) -> None:
    """What `.dvc/config.local` has to say; an SSH key is a file."""
    if keyfile := server.env.get("KEYFILE"):
        dvc(folder, "remote", "modify", "--local", "storage", "keyfile", keyfile)


def test_a_fresh_clone_pulls_and_runs_nothing(team: Path, server: Server, tmp_path: Path) -> None:
    if "KEYFILE" in server.env:  # the section has to be there before its key
        dvc(team, "remote", "add", "storage", server.url)
        give_key(team, server)
    told = make(team, "remote", f"URL={server.url}", f"OPTIONS={server.options}", **server.env).stdout
    assert "make pull" in told
    make(team, "push", **server.env)
    commit(team, "Name the remote")
    mate = clone(team, tmp_path / "mate")
    give_key(mate, server)
    make(mate, "pull", **server.env)
    assert repro(mate) == []
    assert git(mate, "status", "--porcelain") == ""
    assert (mate / ADAPTER).read_bytes() == (team / ADAPTER).read_bytes()
    assert all(secret not in (mate / ".dvc/config").read_text() for secret in server.env.values())
    (team / ".dvc/config.local").unlink(missing_ok=True)


def test_what_a_colleague_ran_and_no_commit_names_is_not_run_again(tried: Path, team: Path, tmp_path: Path) -> None:
    make(team, "remote", f"URL={tmp_path / 'remote'}")
    assert "runs are recorded there" in make(team, "push").stdout
    commit(team, "Name the remote")
    mate = clone(team, tmp_path / "mate")
    set_params(mate, {"train.lora.r": 4})
    said = make(mate, "repro").stdout
    assert "Running stage" not in said
    assert said.count("is cached - skipping run") == 3
    assert '"r": 4' in (mate / "models/distilled-student/adapter_config.json").read_text()
    remote = (tmp_path / "remote").rename(tmp_path / "away")  # what is there does not need it
    assert "Running stage" not in make(mate, "repro").stdout
    set_params(mate, {"evaluate.resamples": 201})
    assert "Running stage 'evaluate'" in make(mate, "repro").stdout
    remote.rename(tmp_path / "remote")


def test_whoever_may_only_read_pulls_from_a_web_server(team: Path, tmp_path: Path) -> None:
    make(team, "remote", f"URL={tmp_path / 'remote'}")
    make(team, "push")
    commit(team, "Name the remote")
    mate = clone(team, tmp_path / "mate")
    with remotes.http_of(tmp_path / "remote") as url:
        dvc(mate, "remote", "add", "--local", "--default", "mirror", url)
        make(mate, "pull")
        refused = make(mate, "push", check=False)
    assert repro(mate) == []
    assert refused.returncode != 0
    assert "cannot be written and read" in refused.stderr
    down = make(mate, "pull", check=False)
    assert "check the address, and that the server is up" in error_of(down)


def error_of(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failure shows."""
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\*", line)]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_what_is_wrong_with_a_bucket_is_one_line_and_nothing_is_lost(team: Path) -> None:
    config = (team / ".dvc/config").read_bytes()
    down = f"http://127.0.0.1:{remotes.free_port()}"
    with remotes.s3() as (endpoint, keys):
        nobody = keys | {"AWS_SECRET_ACCESS_KEY": "wrong"}
        for url, where, env, words in (
            ("s3://distill/team", endpoint, nobody, "check the credentials"),
            ("s3://distill/team", endpoint, remotes.REGION, "check the credentials"),
            ("s3://absent/team", endpoint, keys, "bucket does not exist"),
            ("s3://distill/team", down, keys | {"AWS_MAX_ATTEMPTS": "1"}, "check the address"),
        ):
            result = make(team, "remote", f"URL={url}", f"OPTIONS=endpointurl={where}", check=False, **env)
            assert words in error_of(result)
            assert (team / ".dvc/config").read_bytes() == config
        make(team, "remote", "URL=s3://distill/team", f"OPTIONS=endpointurl={endpoint}", **keys)
        for target in ("push", "pull"):
            assert "check the credentials" in error_of(make(team, target, check=False, **nobody))
    assert "up to date" in dvc(team, "status").stdout


def test_without_a_remote_push_says_how_to_name_one(team: Path) -> None:
    assert "make remote URL=" in error_of(make(team, "push", check=False))


def add_prompts(folder: Path, *slugs: str) -> None:
    """A file of training prompts, and the reference teacher's answers to them."""
    prompts = "\n".join(f"- {{slug: {slug}, prompt: Write a function named {slug} of one argument.}}" for slug in slugs)
    (folder / f"data/prompts/{slugs[0]}.yaml").write_text(f"group: mine\nsplit: train\nprompts:\n{prompts}\n")
    for slug in slugs:
        answer = f"Here it is.\n\n```python\ndef {slug}(value):\n    return value\n```\n"
        (folder / f"data/reference/{slug}.md").write_text(answer)


def test_a_teammate_without_the_ledger_adds_three_prompts_and_pays_for_three(team: Path, tmp_path: Path) -> None:
    from messages_server import Behaviour, MessagesServer

    make(team, "remote", f"URL={tmp_path / 'remote'}")
    with MessagesServer(Behaviour(key=None)) as teacher:
        set_params(team, {"teacher": "local", "teachers.local.base_url": teacher.url})
        assert "collect" in repro(team, "collect")
        paid = len(teacher.answered)
        assert paid == len((team / "data/prompts.jsonl").read_text().splitlines())
        commit(team, "a paid teacher")
        dvc(team, "push", "collect")
        mate = clone(team, tmp_path / "mate")
        add_prompts(mate, "one", "two", "three")
        assert repro(mate, "--pull", "collect") == ["expand_prompts", "collect"]
        assert len(teacher.answered) == paid + 3


def test_two_branches_that_both_paid_for_prompts_are_merged_and_pay_for_nothing(team: Path, tmp_path: Path) -> None:
    from messages_server import Behaviour, MessagesServer

    make(team, "remote", f"URL={tmp_path / 'remote'}")
    with MessagesServer(Behaviour(key=None)) as teacher:
        set_params(team, {"teacher": "local", "teachers.local.base_url": teacher.url})
        repro(team, "collect")
        commit(team, "a paid teacher")
        dvc(team, "push", "collect")
        mate = clone(team, tmp_path / "mate")
        for folder, branch in ((team, "ours"), (mate, "theirs")):
            git(folder, "checkout", "-q", "-b", branch)
            add_prompts(folder, branch)
            repro(folder, "--pull", "collect")
            commit(folder, f"prompts of {branch}")
        dvc(mate, "push", "collect")
        git(team, "fetch", "-q", str(mate), "theirs:theirs")
        paid = len(teacher.answered)
        # As CONTRIBUTING.md says.
        git(team, "checkout", "-q", "theirs")
        make(team, "estimate")
        git(team, "checkout", "-q", "-")
        with pytest.raises(AssertionError, match=r"CONFLICT .* dvc\.lock"):
            git(team, "merge", "theirs")
        git(team, "checkout", "--ours", "--", "dvc.lock", "metrics/evaluate.json")
        assert repro(team, "collect") == ["expand_prompts", "collect"]
        commit(team, "merged")
        assert len(teacher.answered) == paid
    asked = {json.loads(line)["id"] for line in (team / "data/teacher_data.jsonl").read_text().splitlines()}
    assert {"ours", "theirs"} <= asked
    git(team, "checkout", "-q", "main")
    git(team, "branch", "-q", "-D", "ours", "theirs")


def test_gc_costs_what_it_removes_and_the_ledger_outlives_it(tried: Path, team: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(team, copy, symlinks=True)
    (copy / ".distill").mkdir(exist_ok=True)
    ledger = copy / ".distill/ledger.sqlite"
    ledger.write_bytes(b"what was paid for")
    dvc(copy, "gc", "--workspace", "--force")
    assert repro(copy) == []
    assert ledger.read_bytes() == b"what was paid for"
    set_params(copy, {"train.lora.r": 4})  # a run of no commit: gone, and computed again
    assert "Running stage 'train'" in dvc(copy, "repro", "--dry", "train").stdout


def test_the_workflow_of_the_docs_checks_a_pull_request_and_comments_on_it(team: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs/share.md").read_text(encoding="utf-8")
    steps = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0])["jobs"]["compare"][
        "steps"
    ]
    make(team, "remote", f"URL={tmp_path / 'remote'}")
    make(team, "push")
    commit(team, "Name the remote")
    runner = clone(team, tmp_path / "runner")
    (runner / ".venv").symlink_to(sys.prefix)
    gh = tmp_path / "bin/gh"  # GitHub's own client; there is no GitHub here
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said; cp comparison.md {tmp_path}/comment\n')
    gh.chmod(0o755)
    path = f"{gh.parent}:{sys.prefix}/bin:/usr/bin:/bin"
    for step in steps:
        if "run" in step and step["run"] != "make setup":
            words = step["run"].replace("make ", f"make -o {sys.prefix}/.ready VENV={sys.prefix} ")
            run(runner, "bash", "-e", "-c", words, GITHUB_BASE_REF="main", PR="https://example.org/1", PATH=path)
    assert "pr comment https://example.org/1" in (tmp_path / "said").read_text()
    assert "Compared: all 3 held-out prompts, the same in both." in " ".join((tmp_path / "comment").read_text().split())


def test_a_sweep_measures_the_base_never_and_reads_as_a_table(team: Path) -> None:
    queued = dvc(team, "exp", "run", "--queue", "-S", "train.lora.r=1,2").stdout
    names = re.findall(r"Queued experiment '([^']+)'", queued)
    assert len(names) == 2
    dvc(team, "queue", "start", "-j", "2")
    end = time.monotonic() + 900
    while re.search("Queued|Running", dvc(team, "queue", "status").stdout) and time.monotonic() < end:
        time.sleep(2)
    for name in names:
        assert re.findall(r"Running stage '([^']+)'", dvc(team, "queue", "logs", name).stdout) == [
            "train", "generate@distilled", "evaluate",
        ]  # fmt: skip
    table = dvc(team, "exp", "show", "--only-changed", "--csv").stdout
    assert "train.lora.r" in table
    assert "nll.distilled" in table
    dvc(team, "exp", "remove", *names)


def test_the_adapter_in_another_repository_and_by_release(team: Path, tmp_path: Path) -> None:
    make(team, "remote", f"URL={tmp_path / 'remote'}")
    make(team, "push")
    commit(team, "Name the remote")
    git(team, "tag", "-a", "-m", "first", "distilled-student@v1.0.0")  # GTO, which DVC asks, sees no other tags
    run(team, "git", "clone", "-q", "--bare", str(team), str(tmp_path / "hub.git"))
    hub, adapter = str(tmp_path / "hub.git"), (team / ADAPTER).read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    dvc(other, "init", "-q")
    dvc(other, "get", hub, "models/distilled-student", "--out", "got")
    dvc(other, "import", hub, "models/distilled-student", "--out", "imported", "--rev", "distilled-student@v1.0.0")
    dvc(other, "artifacts", "get", hub, "distilled-student", "--rev", "v1.0.0", "--out", "released")
    for name in ("got", "imported", "released"):
        assert (other / name / "adapter_model.safetensors").read_bytes() == adapter
    read = "import dvc.api, sys; print(dvc.api.read(sys.argv[1], repo=sys.argv[2], rev=sys.argv[3]))"
    config = "models/distilled-student/adapter_config.json"
    said = run(other, sys.executable, "-c", read, config, hub, "distilled-student@v1.0.0").stdout
    assert '"peft_type": "LORA"' in said
    git(team, "tag", "-d", "distilled-student@v1.0.0")
