"""The merchant's offers: versions in SQL, live catalogues in memory, the compiled file that workers share."""
