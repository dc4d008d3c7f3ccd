"""How hard tests with made-up inputs try. No time is set for an input: a machine may be busy.

`pytest --hypothesis-profile=thorough`, which `scripts/test.py --all` adds, tries four times as many.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("quick")
