"""A station without the server: what it may give by itself, and its sales, recorded afterwards."""
