"""What the documentation says of the connectors is what they declare and take."""

import ast
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from poi_engine.connectors import caisse_ap_terminal, nexo_simulator
from poi_engine.connectors.caisse_ap.dialogue import Terminal
from poi_engine.connectors.caisse_ap_terminal import FAULTS
from poi_engine.connectors.nexo_simulator import NEXO_FAULTS
from poi_engine.connectors.nexo_terminal.options import NexoOptions
from poi_engine.connectors.stripe_terminal.options import StripeOptions
from poi_engine.ports import Capabilities
from tests.connectors.rigs import RIGS, Rig

DOCS = (Path(__file__).parents[2] / "docs" / "payments.md").read_text("utf-8")
COLUMNS = {
    "card known before the amount": "card_before_amount",
    "refunds": "refund",
    "cancels": "cancel",
    "asks what became of it": "status",
    "holds for a later capture": "holds",
    "takes cards while the bank is away": "offline",
}


def _table(heading: str) -> list[dict[str, str]]:
    """The rows of the table whose first column is called so."""
    lines = DOCS[DOCS.index(f"| {heading} |") :].split("\n\n", 1)[0].splitlines()
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_the_table_names_every_connector_and_every_capability() -> None:
    rows = {row["connector"].strip("`"): row for row in _table("connector")}
    assert set(rows) == {point.name for point in entry_points(group="poi_server.connectors")}
    assert set(COLUMNS.values()) == {field.name for field in msgspec.structs.fields(Capabilities)}


@pytest.mark.parametrize("rig", RIGS, ids=lambda rig: rig.__name__)
async def test_the_table_says_what_a_connector_declares(rig: type[Rig], tmp_path: Path) -> None:
    [row] = [row for row in _table("connector") if row["connector"] == f"`{rig.entry}`"]
    connector = rig(tmp_path).connector()
    for column, name in COLUMNS.items():
        assert row[column] == ("yes" if getattr(connector.capabilities, name) else "no"), column
    await connector.close()


@pytest.mark.parametrize(
    ("section", "kind"),
    [("## Caisse-AP over IP", Terminal), ("## nexo terminals", NexoOptions), ("## Stripe readers", StripeOptions)],
)
def test_every_option_is_explained(section: str, kind: type[msgspec.Struct]) -> None:
    text = DOCS.split(section, 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == {field.name for field in msgspec.structs.fields(kind)}


def test_every_fault_is_explained() -> None:
    for heading, faults in (("Caisse-AP's fault", FAULTS), ("nexo's fault", NEXO_FAULTS)):
        explained = re.findall(r"`([\w-]+)`", " ".join(row[heading] for row in _table(heading)))
        assert sorted(explained) == sorted(faults)


def test_the_caisse_ap_terminal_shares_no_code_with_the_connector() -> None:
    """Else one mistake in reading or writing would hide the other. It needs nothing of ours: other projects use it."""
    root = Path(caisse_ap_terminal.__file__).parent
    needed = list(ast.walk(ast.parse(Path(caisse_ap_terminal.__file__).read_text("utf-8"))))
    names = {alias.name for node in needed if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in needed if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"msgspec"}
    for file in (root / "caisse_ap").glob("*.py"):
        assert "caisse_ap_terminal" not in file.read_text("utf-8"), file.name


@pytest.mark.parametrize(
    ("simulator", "shared"), [(caisse_ap_terminal, set()), (nexo_simulator, {"poi_engine.nexo.crypto"})]
)
def test_a_terminal_to_try_with_shares_with_its_connector_what_the_documentation_says(
    simulator: ModuleType, shared: set[str]
) -> None:
    """Neither can hide the other's mistakes."""
    tree = ast.parse(Path(str(simulator.__file__)).read_text("utf-8"))
    named = {one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    named |= {name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names}
    assert {name for name in named if name.startswith("poi_")} == shared
    assert all(f"`{name}`" in DOCS for name in shared)
