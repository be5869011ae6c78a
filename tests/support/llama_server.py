"""The real llama.cpp: its server (the package xllamacpp) on loopback with a GGUF file, in a process of its own.

`with llama_server.serve(model, lora) as server` gives its address (`server.url`: `/completion`, `/v1/messages`,
`/v1/chat/completions`, ...) and greedy answers to token ids (`server.greedy`). It computes on one thread: two of its
threads spin while they wait for each other, and on a busy machine of two cores that is 15 times slower than one.

Run as a program (`python tests/support/llama_server.py MODEL [LORA …]`), it serves until its standard input ends, and
prints its address once the model is loaded.
"""

import argparse
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class LlamaServer:
    """A server that is ready, or loads its model."""

    url: str

    def call(self, path: str, body: Any = None) -> Any:
        """Return the JSON that it answers to a body as JSON (POST), or to none (GET)."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, {"Content-Type": "application/json"}), timeout=300) as answer:
            return json.load(answer)

    def greedy(self, ids: Sequence[int], tokens: int, lora: int | None) -> list[int]:
        """Return the ids that follow `ids` greedily, at most `tokens`, with one of the LoRA files or with none."""
        scales = [{"id": one["id"], "scale": float(one["id"] == lora)} for one in self.call("/lora-adapters")]
        body = {"prompt": list(ids), "n_predict": tokens, "temperature": 0, "lora": scales, "return_tokens": True}
        return list(self.call("/completion", body)["tokens"])


@contextmanager
def serve(
    model: Path, *loras: Path, slots: int = 1, context: int = 2048, threads: int = 1, alias: str = "",
    template: str = "", wait: bool = True,
) -> Iterator[LlamaServer]:  # fmt: skip
    """Start the server, and stop it at the end.

    Args:
        model: The GGUF file.
        loras: LoRA files, whose scale is 1 unless a request says otherwise.
        slots: Requests that are answered at a time.
        context: Tokens of each of them.
        threads: Of the computation.
        alias: The model's name in answers; '': its path.
        template: A chat template; '': the model's own.
        wait: Until the model is loaded; meanwhile the server refuses connections, then answers 503.
    """
    port = 0 if wait else _free_port()
    options = {"slots": slots, "context": context, "threads": threads, "alias": alias, "template": template}
    command = [sys.executable, __file__, *map(str, (model, *loras)), f"--port={port}"]
    command += [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        url = f"http://127.0.0.1:{port}" if port else process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"llama.cpp's server did not start with {model} (what it said is above)")
        server = LlamaServer(url)
        assert port or server.call("/health") == {"status": "ok"}
        yield server
    finally:
        process.stdin.close()  # its end of the program
        process.stdout.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    """The program: serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="the GGUF file, and LoRA files")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--alias", default="")
    parser.add_argument("--template", default="")
    args = parser.parse_args()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, *loras = map(str, args.files)
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in loras]
    params.port, params.chat_template = args.port, args.template
    params.model_alias = {args.alias} if args.alias else set()
    params.n_parallel, params.n_ctx = args.slots, args.slots * args.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.verbosity = 1  # errors
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
