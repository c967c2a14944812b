"""The folder `nfc/` never hides nfcpy, whose import name is `nfc` too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nfc

ROOT = Path(__file__).resolve().parents[2]
NFCPY_ALLOWED = {"nfcpy_driver.py", "udp_device.py"}


def test_the_import_name_nfc_is_nfcpys():
    assert nfc.__file__ is not None
    assert ROOT / "nfc" not in Path(nfc.__file__).resolve().parents
    assert nfc.ContactlessFrontend.__module__ == "nfc.clf"


def test_the_folder_holds_no_module_of_its_own():
    assert not [path.name for path in (ROOT / "nfc").glob("*.py*")]


def test_nfcpy_is_found_from_the_root_too():
    code = "from nfc.clf import ContactlessFrontend; print(ContactlessFrontend().device)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "None\n", done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "nfc" / "poi_nfc").rglob("*.py")), ids=lambda path: path.name)
def test_nfcpy_is_imported_in_its_driver_only(path):
    tree = ast.parse(path.read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert path.name in NFCPY_ALLOWED or not {name for name in modules if name.split(".")[0] == "nfc"}
