"""Card terminals that speak Caisse-AP over IP, as French ones do: TLV text over TCP, one connection a transaction.

Written from what was seen in the field (protocol 3.x, versions 0300 to 0320); the specification itself is not public.
"""
