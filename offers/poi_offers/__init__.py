"""Offers: the model, eligibility and the choice of the best combination. Pure."""
