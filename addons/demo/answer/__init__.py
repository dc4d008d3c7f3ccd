"""Making an answer: the text, the calls, the values and the bytes of the demo."""
