"""The point-of-interaction server: composition, HTTP and WebSocket APIs, pages, command line."""
