"""What the product promises, measured side by side in one run: `python -m bench`."""
