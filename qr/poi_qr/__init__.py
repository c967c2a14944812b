"""QR and barcodes: decoders, payload standards and rotating tokens; a frame in, a `Scan` out."""
