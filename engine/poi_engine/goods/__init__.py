"""What the merchant sells: products and their sheets, prices over time, stock, and the product file."""
