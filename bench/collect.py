"""How fast `collect` is, how long it takes to find nothing to do, and how much memory it needs.

    python bench/collect.py [--calls 5000] [--many 100000]

Against the loopback server of the tests in a process of its own, with the real SDK. Prints one JSON object, and fails
if a figure is beyond what the project promises, which is measured against bare code in the same run, since machines
differ: 5,000 calls of 200 ms, 64 at once, within 1.25 of a bare loop over the SDK; as many without latency at 0.7 of
its rate or more; a ledger of 100,000 answers with nothing to do within 2.5 of a bare pass over it; the same peak memory
for 1,000 and 100,000 prompts (within 1.5 times).
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
LATENCY, CONCURRENCY = 0.2, 64
# Runs the stage, and says on its last line how much memory it took at most.
STAGE = """
import json, resource, sys, time
start = time.perf_counter()
sys.argv = ["collect"]
from distill.collect import stage as collect
collect.main()
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


@contextlib.contextmanager
def server(latency: float) -> Iterator[str]:
    """A server that answers everything after `latency` seconds."""
    command = [sys.executable, str(ROOT / "tests/support/messages_server.py"), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def prepare(folder: Path, prompts: int) -> None:
    """Write parameters and prompts."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"teacher": "claude"}
    params["runtime"] |= {"concurrency": CONCURRENCY, "budget_usd": None, "hydrate": False}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with (folder / "data/prompts.jsonl").open("w", encoding="utf-8") as file:
        for number in range(prompts):
            text = f"Write a Python function, number {number}. " + "It must do what it says. " * 8
            file.write(json.dumps({"id": f"p{number}", "split": "train", "prompt": text}) + "\n")


def stage(folder: Path, url: str) -> tuple[float, float]:
    """Run the stage in a process of its own: seconds, and megabytes at most."""
    env = os.environ | {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": url, "PYTHONPATH": str(ROOT / "src"),
                        "DISTILL_LEDGER": str(folder / "ledger.sqlite")}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", STAGE], cwd=folder, env=env, check=True, stdout=subprocess.PIPE)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


async def bare_loop(url: str, calls: int) -> float:
    """Seconds for as many calls by a bare loop over the SDK, which keeps nothing."""
    import anthropic

    numbers = iter(range(calls))
    async with anthropic.AsyncAnthropic(api_key="none", base_url=url, max_retries=0) as client:

        async def work() -> None:
            for number in numbers:
                message: Any = {"role": "user", "content": f"Write a Python function, number {number}."}
                await client.messages.create(model="claude-sonnet-4-6", max_tokens=4096, messages=[message])

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return time.perf_counter() - start


def bare_pass(folder: Path) -> float:
    """Seconds for what no pass can leave out: read, hash a request, look it up, check and parse, write the row."""
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        keys = iter([key for (key,) in ledger.execute("SELECT key FROM calls ORDER BY id")])
        start = time.perf_counter()
        with (folder / "data/prompts.jsonl").open("rb") as prompts, (folder / "bare.jsonl").open("wb") as rows:
            for line in prompts:
                prompt = json.loads(line)
                body = {"max_tokens": 4096, "messages": [{"content": prompt["prompt"], "role": "user"}], "model": "m"}
                hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
                found = ledger.execute("SELECT response, crc FROM calls WHERE key = ?", (next(keys),)).fetchone()
                assert zlib.crc32(found[0]) == found[1]
                message = json.loads(found[0])
                row = prompt | {"completion": message["content"][0]["text"], "usage": message["usage"]}
                rows.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        return time.perf_counter() - start


def measure(calls: int, many: int) -> dict[str, float]:
    """Return all figures."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with server(LATENCY) as url:
            prepare(folder / "latency", calls)
            seconds, _ = stage(folder / "latency", url)
            bare = asyncio.run(bare_loop(url, calls))
            figures["latency_s"] = LATENCY * calls / CONCURRENCY
            figures["latency_bare_s"], figures["latency_run_s"] = round(bare, 2), round(seconds, 2)
            figures["latency_run_ratio"] = round(seconds / bare, 3)
        with server(0) as url:
            bare = calls / asyncio.run(bare_loop(url, calls))
            prepare(folder / "few", 1_000)
            figures["memory_1000_mb"] = round(stage(folder / "few", url)[1], 1)
            prepare(folder / "calls", calls)
            figures["bare_calls_per_s"] = round(bare)
            figures["collect_calls_per_s"] = round(calls / stage(folder / "calls", url)[0])
            figures["throughput_ratio"] = round(figures["collect_calls_per_s"] / bare, 2)
        with server(0) as url:
            prepare(folder / "many", many)
            seconds, megabytes = stage(folder / "many", url)
            figures["many_prompts"] = many
            figures["memory_many_mb"] = round(megabytes, 1)
            figures["many_calls_per_s"] = round(many / seconds)
            (folder / "many/data/teacher_data.jsonl").unlink()
            figures["nothing_to_do_s"], megabytes = (round(value, 2) for value in stage(folder / "many", url))
            figures["nothing_to_do_mb"] = megabytes
            figures["bare_pass_s"] = round(bare_pass(folder / "many"), 2)
            figures["nothing_to_do_ratio"] = round(figures["nothing_to_do_s"] / figures["bare_pass_s"], 2)
    return figures


def check(figures: dict[str, float]) -> list[str]:
    """Return what is beyond the promises."""
    promises = {
        "latency_run_ratio": figures["latency_run_ratio"] <= 1.25,
        "throughput_ratio": figures["throughput_ratio"] >= 0.7,
        "nothing_to_do_ratio": figures["nothing_to_do_ratio"] <= 2.5,
        "memory_many_mb": figures["memory_many_mb"] <= 1.5 * figures["memory_1000_mb"],
    }
    return [name for name, kept in promises.items() if not kept]


def main() -> None:
    """Measure, print, and fail if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000, help="calls of the runs for speed")
    parser.add_argument("--many", type=int, default=100_000, help="prompts of the run for memory and start-up")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    figures = measure(args.calls, args.many)
    print(json.dumps(figures, indent=2))
    if broken := check(figures):
        sys.exit(f"error: beyond what is promised: {', '.join(broken)}")


if __name__ == "__main__":
    main()
