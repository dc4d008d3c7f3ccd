"""A Responses request: parameters, input items, tools."""
