"""Other ways to answer the same question, each written as somebody who knows the tool would write it."""
