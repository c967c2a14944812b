"""The matcher measured beside other ways to match, and the choice among many offers."""
