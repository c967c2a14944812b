"""The API against its own OpenAPI document: thousands of generated requests to a running server."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.process import ServerProcess

pytestmark = [pytest.mark.valkey, pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
POSITIVE = [schemathesis.GenerationMode.POSITIVE]
NEGATIVE = [schemathesis.GenerationMode.NEGATIVE]
SIGNING_OUT = ("/v1/access/leave", "/v1/access/{access_id}")


class Fuzzed:
    """A running demo shop, its document, and what was asked and answered so far."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.schema = schemathesis.openapi.from_url(f"{server.base_url}/v1/openapi.json")
        self.statuses: Counter[int] = Counter()
        self.by_path: Counter[str] = Counter()
        self.wrong: dict[str, str] = {}
        self._known = self._some_ids()
        self._turn = count()

    def owner(self, method: str, path: str, **options: Any) -> Any:
        """Ask as the owner."""
        sent = {"Authorization": f"Bearer {self.server.secret}"}
        answer = requests.request(method, self.server.base_url + path, headers=sent, timeout=30, **options)
        answer.raise_for_status()
        return answer.json()

    def _some_ids(self) -> dict[str, str]:
        """Identifiers that exist, so that not every path leads nowhere."""
        station = self.owner("GET", "/v1/stations")["items"][0]["station_id"]
        return {
            "station_id": station,
            "session_id": self.owner("POST", f"/v1/stations/{station}/session")["session_id"],
            "store_id": self.owner("GET", "/v1/stores")["items"][0]["store_id"],
            "code": self.owner("GET", "/v1/products")["items"][0]["code"],
            "sale_id": self.owner("GET", "/v1/sales")["items"][0]["sale_id"],
            "customer_id": self.owner("GET", "/v1/customers")["items"][0]["customer_id"],
            "offer_id": self.owner("GET", "/v1/offers")["items"][0]["offer"]["offer_id"],
            "seller_id": self.owner("POST", "/v1/sellers", json={"name": "Zoé"})["seller_id"],
        }

    def fuzz(self, http: requests.Session, modes: list[Any], examples: int) -> None:
        """Ask every operation `examples` times."""
        for result in self.schema.get_all_operations():
            operation = result.ok()
            if operation.path not in SIGNING_OUT:
                self._fuzz_one(http, operation, modes, examples)

    def _fuzz_one(self, http: requests.Session, operation: Any, modes: list[Any], examples: int) -> None:
        def ask(case: Any) -> None:
            self._aim(case)
            answer = case.call(session=http, timeout=30)
            self.statuses[answer.status_code] += 1
            self.by_path[operation.path] += 1
            try:
                case.validate_response(answer, checks=CHECKS)
            except BaseExceptionGroup as failures:
                self.wrong.setdefault(f"{operation.method.upper()} {operation.path}", str(failures.exceptions[0])[:600])

        strategy = operation.as_strategy(generation_mode=modes[0])
        once = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        with suppress(Unsatisfiable):  # nothing about this operation can be wrong
            seed(20_261_122)(once(given(case=strategy)(ask)))()

    def _aim(self, case: Any) -> None:
        """Two requests of three go to things that exist; a tap is held for a moment only."""
        if isinstance(case.body, dict) and isinstance(case.body.get("seconds"), (int, float)):
            case.body["seconds"] = min(case.body["seconds"], 0.01)
        if next(self._turn) % 3 == 0:
            return
        for name in set(case.path_parameters or ()) & set(self._known):
            case.path_parameters[name] = self._known[name]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """A demo shop of its own: what is fuzzed here is nobody else's."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    server = ServerProcess(folder, demo_shop="pastry", POI_LIMITS_ATTEMPTS="10000")
    try:
        yield Fuzzed(server)
    finally:
        server.stop()


@pytest.mark.timeout(480)
def test_two_thousand_requests_break_nothing(fuzzed: Fuzzed) -> None:
    http = requests.Session()
    http.headers["Authorization"] = f"Bearer {fuzzed.server.secret}"
    fuzzed.fuzz(http, POSITIVE, 9)
    fuzzed.fuzz(http, NEGATIVE, 5)
    scopes = ["decisions", "offers:read", "offers:write", "customers:read", "customers:write", "sales:read", "metrics"]
    key = fuzzed.owner("POST", "/v1/api-keys", json={"label": "fuzzer", "scopes": scopes})
    http.headers["Authorization"] = f"Bearer {key['secret']}"
    fuzzed.fuzz(http, POSITIVE, 2)
    http.close()
    print(f"{fuzzed.statuses.total()} requests: {dict(sorted(fuzzed.statuses.items()))}")
    assert fuzzed.wrong == {}
    assert fuzzed.statuses.total() >= 2000
    assert not [status for status in fuzzed.statuses if status >= 500 and status != 502]
    assert {200, 201, 403, 404, 422} <= set(fuzzed.statuses)
    assert "request_broke" not in fuzzed.server.log()
