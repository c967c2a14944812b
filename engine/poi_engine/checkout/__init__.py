"""From the accepted total to the receipt and back: reserve, pay, commit, refund, recover."""
