"""What the parts of an answer become: texts and calls, citations, probabilities, speech."""
