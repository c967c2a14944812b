"""One module per payload standard; `poi_qr.payload.classify` asks them in order."""
