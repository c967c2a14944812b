"""The Sale to POI server: tills that speak nexo Retailer 3.0 in JSON sell, refund and ask here."""
