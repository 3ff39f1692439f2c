"""Secrets that come in by any way stand in nothing that a run writes or prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from server_scripts import ECHO_SCENARIO, written

from harness.experiment.options import RunOptions
from harness.experiment.secret_values import secrets_of
from harness.redaction import Secrets, is_maskable, printable, without_secrets
from harness.target.log_lines import mask_log
from harness.target.ways.metrics_url import MetricsUrl

SECRETS = {
    "header": "xT7-tenant-value",
    "bearer": "bearer-9921-zz",
    "cookie": "c00kie-4471-aa",
    "env": "pgpass-8852-bb",
    "url_user": "urluser-1937",
    "url_password": "urlpw-5526-cc",
    "query": "querykey-3318-dd",
    "harmless_name": "queryword-4409-kk",
    "command": "argument-6604-ee",
    "short": "short-7751-jj",
    "login": "login-token-2276-ff",
    "environment": "openai-7713-gg",
    "config": "configured-9945-hh",
    "otlp": "otlppw-1182-ii",
}
REPEATS_ALL = """
import threading
SAID = " ".join(open("secrets.txt").read().split())
print("they are", SAID, flush=True)
CHILD = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", *SAID.split()])

async def handle(connection):
    global visits
    visits += 1
    print("Task was destroyed but it is pending", SAID, flush=True)
    print("ERROR", SAID.upper(), flush=True)
    threading.Thread(target=threading.Event().wait, name=SAID, daemon=True).start()
    async for message in connection:
        if visits == 3:
            await connection.close(1011, SAID[-100:])
        await connection.send(message)
"""


@pytest.mark.slow
def test_planted_secrets_are_in_no_file_and_in_no_output(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    (tmp_path / "secrets.txt").write_text("\n".join(SECRETS.values()))
    (tmp_path / "leak-harness.toml").write_text(f'[header]\nX-Api = "{SECRETS["config"]}"\n')
    served = (
        f"{written(tmp_path, REPEATS_ALL)} --password {SECRETS['command']} -p {SECRETS['short']}"
    )
    url = f"ws://{SECRETS['url_user']}:{SECRETS['url_password']}@127.0.0.1:{{port}}/"
    words = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain"]
    words += ["--cycles", "4", "--grace", "0s", "--out", "r", "--serve", served]
    words += ["--url", f"{url}?key={SECRETS['query']}&z={SECRETS['harmless_name']}"]
    words += ["--header", f"X-Tenant={SECRETS['header']}"]
    words += ["--header", f"Proxy-Authorization=Bearer {SECRETS['bearer']}"]
    words += ["--cookie", f"sid={SECRETS['cookie']}", "--env", f"PGPASS={SECRETS['env']}"]
    words += ["--auth", "bearer:LOGIN", "--otlp", f"http://u:{SECRETS['otlp']}@127.0.0.1:1"]
    run = subprocess.run(
        words,
        cwd=tmp_path,
        env={
            **os.environ,
            "LOGIN": SECRETS["login"],
            "OPENAI_API_KEY": SECRETS["environment"],
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (tmp_path / "r" / "result.json").exists(), run.stderr
    texts = {path.name: path.read_bytes() for path in (tmp_path / "r").rglob("*") if path.is_file()}
    texts |= {"stdout": run.stdout.encode(), "stderr": run.stderr.encode()}
    shown = {
        name: [way for way, secret in SECRETS.items() if secret.encode() in text.lower()]
        for name, text in texts.items()
    }
    numberless = re.sub(r"\d+", "*", " ".join(SECRETS.values())).split()
    for name, text in texts.items():
        shown[name] += [way for way in numberless if way.encode() in text]
    assert not any(shown.values()), shown
    assert b"they are ***" in texts["server.log"]


@pytest.mark.parametrize("value", ['pass"word', "pass&word<", "p\u00e4ss w\u00f6rd", "back\\slash"])
def test_a_secret_is_masked_in_each_way_of_writing_it(value: str) -> None:
    import base64
    import html
    import json
    from urllib.parse import quote

    secrets = Secrets()
    secrets.add([value])
    encoded = base64.b64encode(value.encode()).decode()
    for written_so in (
        value,
        json.dumps(value),
        repr(value),
        html.escape(value),
        quote(value),
        encoded,
    ):
        assert value not in secrets.masked(f"before {written_so} after")
        assert "***" in secrets.masked(f"before {written_so} after")


def test_the_longest_of_two_secrets_is_masked_whole() -> None:
    secrets = Secrets()
    secrets.add(["secret", "secret-and-more"])
    assert secrets.masked("a secret-and-more b secret") == "a *** b ***"


@pytest.mark.parametrize("value", ["", "a", "8000", "127.0.0.1", "leak", "production", "1.5"])
def test_what_keeps_nothing_secret_is_not_masked_everywhere(value: str) -> None:
    assert not is_maskable(value)


def test_options_of_a_command_whose_names_say_secret_are_masked() -> None:
    line = without_secrets(["app", "--password", "hunter", "--token=abcd", "WS://a:b@host/?key=z"])
    assert line == "app --password *** '--token=***' 'WS://***@host/?key=***'"


def test_a_log_is_masked_in_place_and_one_without_secrets_stays(tmp_path: Path) -> None:
    from harness.redaction import SECRETS as OF_THIS_PROCESS

    OF_THIS_PROCESS.add(["planted-in-a-log-5561"])
    log = tmp_path / "server.log"
    log.write_bytes(b"one\xff planted-in-a-log-5561\r\ntwo")
    mask_log(log)
    assert log.read_bytes() == b"one\xff ***\r\ntwo"
    before = log.stat().st_mtime_ns
    mask_log(log)
    assert log.stat().st_mtime_ns == before
    assert printable("x planted-in-a-log-5561") == "x ***"
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_names_of_metrics_are_no_secrets() -> None:
    target = MetricsUrl(
        "http://joe:hunter-22@host/metrics", url="ws://host", metric={"rss": "held_memory_bytes"}
    )
    values = set(secrets_of(RunOptions(target=target)))
    assert "held_memory_bytes" not in values
    assert "hunter-22" in values
