"""The compiled matcher: columns in, indices out. Opens no file, knows no meaning."""
