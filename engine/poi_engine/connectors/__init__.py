"""Payment connectors: one contract, one module a connector."""
