"""Storage behind the ports: SQL for what must last, Redis for what may be lost."""
