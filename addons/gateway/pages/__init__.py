"""Pages about exchanges: `GET /exchanges/req_...`, and one exchange as a file of HTML.

`sections` says how something is added to the page.
"""
