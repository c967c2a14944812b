"""The customers of a merchant: who they are, what they agreed to, and how they are forgotten."""
