"""The demo upstream: a small Gemini server that answers with made-up text and refuses what Gemini refuses.

Rules of this package:

* It shares no code with `mapping`. It is a second reading of the Gemini API reference, so that it can check the first.
* A request is read in three steps: its members (`proto`), its meaning (`rules`), the answer (`answer`).
* Agents act on answers: nothing in one makes them change what is there (`examples`, `texts`), and their loops end
  (`calls`).
* Error texts are Google's own where they are known from recorded answers; clients match on their words.
* It listens on loopback only, and no credential is sent on from it.
"""
