"""NFC: reader drivers and credential protocols; a card in, a `Tap` out."""
