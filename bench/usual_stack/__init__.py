"""The usual way to build a till's server: FastAPI, redis-py, and an asyncpg transaction for each request."""
