"""Whole sales a second, each durable when it is answered: this server beside the usual stack, in one run."""
