"""Reading the parameters of a request: sampling, thinking, the form of the answer."""
