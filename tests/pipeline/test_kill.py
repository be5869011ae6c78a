"""SIGKILL at random moments, online and by the batch: the next run finishes, and nothing that was kept is paid twice.

A few kills run with the other tests; 50 online and 50 by the batch are `make soak`.
"""

import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from collecting import Folder, folder, served
from distill.api.response import parse
from messages_server import Answered, Behaviour, MessagesServer

KILLS = 5  # in one folder
SOAK = range(1, 11)
PROMPTS = 80
CONCURRENCY = 8


def kept(made: Folder) -> set[str]:
    """The texts that are in the ledger."""
    if not made.ledger.exists():
        return set()
    with sqlite3.connect(made.ledger) as connection:
        rows = connection.execute("SELECT response, via FROM calls WHERE response IS NOT NULL").fetchall()
    connection.close()
    return {parse(response, via == "batch").text for response, via in rows}


def kill_once(made: Folder, server: MessagesServer, chance: random.Random) -> float:
    """Start the stage, and kill it at some moment after its first request; return when."""
    before = server.requests.total()
    process = made.start()
    while server.requests.total() == before and process.poll() is None:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.25))
    killed = time.monotonic()
    process.kill()
    process.communicate()
    time.sleep(0.1)  # the server ends what it was about
    return killed


def finish(made: Folder) -> None:
    process = made.start()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr


def kill_online(seed: int, path: Path, kills: int = KILLS) -> int:
    """Kill, again and again; return how many answers came in the moment of the kill, and were lost.

    What is handed over after the kill goes to the sockets of a dead process, which the system closes a little later.
    """
    chance = random.Random(seed)
    lost = 0
    marks: list[tuple[set[str], int]] = []
    counted: list[Answered] = []
    with MessagesServer(Behaviour(seed=seed, latency=0.02)) as server:
        made = folder(path, server.url, prompts=PROMPTS, concurrency=CONCURRENCY)
        for kill in range(1, kills + 1):
            killed = kill_once(made, server, chance)
            texts, asked = kept(made), len(server.answered)
            marks.append(({answered.prompt for answered in server.answered if answered.text in texts}, asked))
            unkept = [one for one in server.answered if one.text not in texts]
            # A kill costs at most the calls that were in flight.
            assert len(unkept) <= kill * CONCURRENCY
            new = [one.delivered_at for one in unkept if one not in counted and one.delivered_at]
            counted += unkept
            lost += sum(moment < killed for moment in new)
        finish(made)
        for had, asked in marks:
            assert not had & {answered.prompt for answered in server.answered[asked:]}
        rows = made.rows()
        assert len(rows) == PROMPTS
        for row in rows:
            assert row["completion"] in [one.text for one in served(server, row["prompt"])]
    return lost


def kill_batches(seed: int, path: Path, kills: int = KILLS) -> None:
    """Kill, again and again: each request is in one batch, and each answer is made once."""
    chance = random.Random(seed)
    behaviour = Behaviour(seed=seed, latency=0.02, batch_polls=2, create_delay=0.05)
    with MessagesServer(behaviour) as server:
        made = folder(path, server.url, prompts=PROMPTS, teacher="claude-batch", batch_max_requests=12)
        for _ in range(kills):
            kill_once(made, server, chance)
        finish(made)
        keys = [request["custom_id"][:40] for batch in server.batches.values() for request in batch["requests"]]
        assert max(Counter(keys).values()) == 1
        assert len(keys) == PROMPTS
        assert len(server.answered) == PROMPTS
        assert {row["completion"] for row in made.rows()} == {answered.text for answered in server.answered}


def test_killed_online(tmp_path: Path) -> None:
    kill_online(0, tmp_path, kills=2)


def test_killed_by_the_batch(tmp_path: Path) -> None:
    kill_batches(0, tmp_path, kills=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SOAK)
def test_all_kills_online(seed: int, tmp_path: Path) -> None:
    lost = kill_online(seed, tmp_path)
    print(f"{KILLS} kills: {lost} answers came in the moment of a kill, and were lost")


@pytest.mark.soak
@pytest.mark.parametrize("seed", SOAK)
def test_all_kills_by_the_batch(seed: int, tmp_path: Path) -> None:
    kill_batches(seed, tmp_path)
