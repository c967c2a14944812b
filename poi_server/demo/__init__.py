"""The demo shops, made by the shipped services with weeks of plausible trade; and the story that `demo` tells."""
