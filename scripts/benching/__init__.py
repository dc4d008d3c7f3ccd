"""What scripts/bench.py does: the gateway beside a bare mitmdump, over an upstream that answers at once.

`stub.py` and `load.py` are processes of their own, the upstream and the clients; `stage.py` starts them and what is
measured; `measures.py` says what is measured, `report.py` and `picture.py` what came of it. `bodies.py` is what goes
over the wire, in both dialects.
"""
