"""The phone's own token maker gives the same digits as ours: it runs in Node.js, which has the browser's WebCrypto."""

import json
import subprocess
from pathlib import Path

import pytest

from poi_qr import poi1

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "poi_server" / "pages" / "js" / "poi1.js"
VECTORS = json.loads((Path(__file__).parent / "vectors" / "poi1.json").read_text())

ISSUE_ALL = """
const {importDeviceKey, issueToken, EPOCH_2020_MS} = await import(process.argv[1]);
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const out = [];
for (const v of JSON.parse(process.argv[2])) {
  const key = await importDeviceKey(bytes(v.device_key));
  const nowMs = EPOCH_2020_MS + v.seconds_since_2020 * 1000 + 999;
  out.push(await issueToken(key, v.epoch, bytes(v.handle), nowMs, v.nonce));
}
console.log(JSON.stringify(out));
"""
EXPORT = """
const {importDeviceKey} = await import(process.argv[1]);
const key = await importDeviceKey(new Uint8Array(32));
try { await crypto.subtle.exportKey("raw", key); console.log("exported"); } catch (error) { console.log(error.name); }
"""
MISUSE = """
const {importDeviceKey, issueToken} = await import(process.argv[1]);
const key = await importDeviceKey(new Uint8Array(32));
const good = [3, new Uint8Array(8), 1760000000000, 7];
const out = [];
for (const [place, value] of [[0, 16], [0, 1.5], [1, new Uint8Array(7)], [2, 0], [2, NaN], [3, 256], [3, "7"]]) {
  const wrong = [...good];
  wrong[place] = value;
  try { await issueToken(key, ...wrong); out.push("issued"); } catch (error) { out.push(error.name); }
}
console.log(out.join(" "));
"""


def run(node: str, script: str, *arguments: str) -> str:
    """What an ES module script prints under Node.js."""
    command = [node, "--no-warnings", "--input-type=module", "-e", script, "--", MODULE.as_uri(), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_same_digits_as_the_vectors(node: str) -> None:
    assert json.loads(run(node, ISSUE_ALL, json.dumps(VECTORS))) == [vector["digits"] for vector in VECTORS]


def test_the_server_accepts_what_the_browser_makes(node: str) -> None:
    key, handle, now = b"p" * 32, b"abcdefgh", 1_770_000_000
    case = {
        "device_key": poi1.derive_device_key(key, 5, handle).hex(),
        "epoch": 5,
        "handle": handle.hex(),
        "nonce": 200,
        "seconds_since_2020": now - poi1.EPOCH_2020,
    }
    (digits,) = json.loads(run(node, ISSUE_ALL, json.dumps([case])))
    assert poi1.check(digits, epoch_keys={5: key}, now=now + 3).handle == handle


def test_the_device_key_cannot_be_copied_out_of_the_browser(node: str) -> None:
    assert run(node, EXPORT).startswith("InvalidAccess")


def test_values_outside_the_layout_are_range_errors(node: str) -> None:
    assert run(node, MISUSE) == " ".join(["RangeError"] * 7)


@pytest.mark.parametrize("word", ["Math.random", "localStorage", "eval", "import "])
def test_the_module_stands_alone(word: str) -> None:
    assert word not in MODULE.read_text()
