"""Campaigns: offers for an audience and a period, tried on past sales before they start, counted while they run."""
