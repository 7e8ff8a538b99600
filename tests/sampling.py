"""How many examples of a property are looked at: all by `make test`, some by `make check`."""

import hypothesis

SAMPLED, WHOLE = "sampled", "whole"
EXAMPLES = 25

# A machine under load is slow, not wrong.
_patient = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile(SAMPLED, max_examples=EXAMPLES, **_patient)
hypothesis.settings.register_profile(WHOLE, **_patient)


def examples(everything: int) -> int:
    """For `max_examples` where a property wants a number of its own."""
    is_sampled = hypothesis.settings.get_current_profile_name() == SAMPLED
    return max(EXAMPLES, everything // 20) if is_sampled else everything
