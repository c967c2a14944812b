"""Card terminals that speak nexo Retailer 3.0 (Sale to POI, JSON) on the local network: we are their sale system.

Written from the vendors' published typings; tried against our own simulated terminal, not certified.
"""
