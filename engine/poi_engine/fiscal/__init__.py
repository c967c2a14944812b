"""What the law asks of a till: receipts in a journal, closings, events, training and the archive, versioned apart."""
