"""The record of exchanges: what is kept of each, how it is read again, and how it is replayed."""
