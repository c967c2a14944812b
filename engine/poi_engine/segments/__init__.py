"""Groups of customers, kept up to date, and what an offer did to those it was for."""
