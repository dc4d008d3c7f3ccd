"""For people: what became of each member, texts that can be masked, printed and compared."""
