"""The translation between the OpenAI API and the Gemini API: values in, values out.

Rules that every module here keeps:

* No I/O (but for `__main__`, the tool by hand), no clock, no randomness, no mitmproxy. What depends on them (the time,
  new ids, what is remembered of earlier turns) comes in as an argument.
* Input values are never changed in place; what a client or an upstream sent may be shown elsewhere as it was.
* Nothing is lost silently: what is dropped or changed on the way is written into a `mapping.notes.Notes`.
* A fault of the client is an `Fault` that names the parameter; a fault of the upstream is an `UpstreamError`.

One package per OpenAI dialect (`mapping.chat`), one module for each thing that dialects share.
"""
