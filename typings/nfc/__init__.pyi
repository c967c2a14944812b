"""The part of nfcpy that is used here; nfcpy itself has no annotations."""
