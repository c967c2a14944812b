"""Baskets that reach their customer later: fetched at a store or brought, from here, elsewhere or centrally."""
