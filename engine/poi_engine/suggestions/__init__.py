"""Suggestions: what the merchant's own figures give reason to do, each with its figures and the draft of a campaign."""
