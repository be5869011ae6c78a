"""Real servers on loopback that a DVC remote can lie on: S3 (with accounts), SSH, read-only HTTP."""

import asyncio
import contextlib
import functools
import http.server
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REGION = {"AWS_DEFAULT_REGION": "us-east-1"}
ADMIN: dict[str, Any] = {"aws_access_key_id": "id", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def s3() -> Iterator[tuple[str, dict[str, str]]]:
    """An S3 server with a bucket `distill`, and the environment of somebody whose keys it takes; it takes no others."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        boto3.client("s3", endpoint_url=endpoint, **ADMIN).create_bucket(Bucket="distill")
        iam = boto3.client("iam", endpoint_url=endpoint, **ADMIN)
        iam.create_user(UserName="person")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="person", PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="person")["AccessKey"]
        ask_for_keys(endpoint, after=0)
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        yield endpoint, keys | REGION
    finally:
        # Both are the whole process's: the setting, and what is in the buckets.
        ask_for_keys(endpoint, after=10**9)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).read()
        server.stop()


def ask_for_keys(endpoint: str, after: int) -> None:
    """From its next call but so many on, the server checks keys and signatures."""
    url, plain = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(url, str(after).encode(), plain, method="POST")).read()


@contextlib.contextmanager
def http_of(folder: Path) -> Iterator[str]:
    """A web server that shows a folder, and takes nothing."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Python's own, without its log."""

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def ssh(folder: Path) -> Iterator[tuple[str, Path]]:
    """An SSH server whose root is `folder`, and the private key of the one user it knows, `person`."""
    import asyncssh

    folder.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    keyfile = folder.parent / "id_person"
    key.write_private_key(str(keyfile))
    keyfile.chmod(0o600)
    key.write_public_key(str(folder.parent / "authorized_keys"))
    ready, loop = threading.Event(), asyncio.new_event_loop()
    found: dict[str, Any] = {}

    async def serve() -> None:
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=str(folder.parent / "authorized_keys"),
            sftp_factory=functools.partial(asyncssh.SFTPServer, chroot=str(folder).encode()),
        )  # fmt: skip
        found["port"], found["stop"] = server.get_port(), asyncio.Event()
        ready.set()
        await found["stop"].wait()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    yield f"ssh://person@127.0.0.1:{found['port']}/", keyfile
    loop.call_soon_threadsafe(found["stop"].set)
    thread.join()
    loop.close()
