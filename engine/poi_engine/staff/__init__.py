"""The people who sell: their rights, PINs and badges, who stands where, who consented, who did what."""
