"""What both ends of a nexo Retailer 3.0 conversation share: the secured envelope. Pure."""
