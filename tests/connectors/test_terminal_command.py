"""The terminal command in a process of its own, and what `doctor` says of the terminals that are configured."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poi_engine.clock import SystemClock
from poi_engine.connectors.nexo_terminal.connector import opened
from poi_engine.connectors.sent import SentBook
from poi_engine.ports import ConnectorSetup
from poi_server.__main__ import main
from tests.connectors.opening import opened_apart
from tests.servers import unused_port


@contextmanager
def simulated(folder: Path, *words: str) -> Iterator[str]:
    """A terminal in a process of its own; what it said when it listened."""
    command = [sys.executable, "-m", "poi_server", "terminal", "--port", "0", "--data", str(folder), *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if "nexo" in words:
            said += process.stdout.readline()
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a passphrase."""
    file = tmp_path / "secret"
    file.write_text("correct horse battery")
    return file


def _address(said: str) -> tuple[str, int]:
    found = re.search(r"(127\.0\.0\.1):(\d+)", said)
    assert found is not None, said
    return found[1], int(found[2])


def _configured(folder: Path, connector: str, options: str) -> None:
    text = f'[payment]\nconnectors = ["simulator", "{connector}"]\n[[payment.terminals]]\nstation = "sta_1"\n'
    (folder / "poi-server.toml").write_text(f'{text}connector = "{connector}"\noptions = {{ {options} }}\n')


def test_a_secured_nexo_terminal_is_paid_at_and_found_well(
    tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--protocol", "nexo", "--key-id", "till", "--passphrase-file", str(secret))
    with simulated(tmp_path, *words) as said:
        host, port = _address(said)
        ca = said.splitlines()[1].partition(": ")[2]
        _configured(
            tmp_path,
            "nexo",
            f'host = "{host}", port = {port}, poi_id = "SIM-0001", ca = "{ca}", key_id = "till", '
            f'passphrase_file = "{secret}"',
        )
        main(["doctor", "--data", str(tmp_path), "--config", str(tmp_path / "poi-server.toml")])
        text = capsys.readouterr().out
        assert "terminal sta_1" in text
        assert "nexo: it answers: OK" in text
        assert "nexo (not certified" in text
        asyncio.run(_paid(tmp_path, {"host": host, "port": port, "poi_id": "SIM-0001", "ca": ca}, secret))


async def _paid(folder: Path, options: dict[str, str | bool | int | float], secret: Path) -> None:
    options |= {"key_id": "till", "passphrase_file": str(secret)}
    setup = ConnectorSetup(book=folder / "book", clock=SystemClock(), terminals={"sta_1": options})
    connector = opened_apart(opened, setup)
    assert (await connector.authorise("sta_1", "pay_1", 1590, "EUR", None)).outcome == "approved"
    await connector.close()


def test_a_caisse_ap_terminal_is_found_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with simulated(tmp_path, "--fault", "split") as said:
        host, port = _address(said)
        _configured(tmp_path, "caisse-ap", f'host = "{host}", port = {port}')
        main(["doctor", "--data", str(tmp_path), "--config", str(tmp_path / "poi-server.toml")])
        assert "caisse-ap: it answers" in capsys.readouterr().out
        asyncio.run(_begun(tmp_path / "caisse-ap.db"))
        main(["doctor", "--data", str(tmp_path), "--config", str(tmp_path / "poi-server.toml")])
        assert "caisse-ap: a payment is under way; it was not asked" in capsys.readouterr().out


async def _begun(file: Path) -> None:
    """What the server's connector writes before it sends."""
    book = SentBook(file, SystemClock())
    await book.begin("pay_1", "authorise", "sta_1", 1590, "EUR")
    book.close()


@pytest.mark.parametrize(
    ("connector", "options", "words"),
    [
        ("caisse-ap", 'host = "127.0.0.1", port = {away}', "nothing was sent"),
        ("caisse-ap", 'host = "h", prot = 1', "options"),
        ("caisse-ap", 'host = "h", till = "1"', ".options.till"),
        ("nexo", 'host = "h", poi_id = "P"', ".options.ca"),
        ("stripe", 'reader = "tmr_1", api_key_file = "/nowhere"', ".options.api_key_file"),
    ],
)
def test_doctor_names_what_is_wrong_with_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], connector: str, options: str, words: str
) -> None:
    _configured(tmp_path, connector, options.format(away=unused_port()))
    assert main(["doctor", "--data", str(tmp_path), "--config", str(tmp_path / "poi-server.toml")]) == 1
    text = capsys.readouterr().out
    assert re.search(rf"WRONG terminal sta_1[^\n]*\n?[^\n]*{re.escape(words)}", text), text


def test_a_fault_of_the_other_protocol_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["terminal", "--protocol", "nexo", "--fault", "taken-in", "--data", str(tmp_path)]) == 2
    assert "wrong-hmac" in capsys.readouterr().err
