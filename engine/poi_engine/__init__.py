"""The engine: stations, sessions, checkout, loyalty, ledger and journal."""
