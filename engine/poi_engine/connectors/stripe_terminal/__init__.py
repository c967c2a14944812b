"""Stripe Terminal, driven by the server: collect a card, adjust the amount, confirm. Off by default, not certified.

Written to the published interface and tried against a local fake that replays its documented states, never against the
service itself.
"""
