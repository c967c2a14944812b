"""The web pages: HTML shells, ES modules, style sheets and icons, served from memory."""
