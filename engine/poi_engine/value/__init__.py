"""Stored value and small payments: gift cards, wallets, tabs, and transfers by bank."""
