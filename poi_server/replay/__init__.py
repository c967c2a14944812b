"""Past baskets against a draft catalogue: requests in, decisions out. No server, no storage.

`lines` reads NDJSON and gathers the mistakes, `offers` reads a catalogue, `requests` turns a line into a situation,
`run` decides them in their order, `summary` adds up what came of it.
"""
