"""Requests and answers of chat's shape, which come by chat's path and by that of the Responses API."""
