"""Why an answer of the Messages API ended, and what that means for training.

An unknown stop reason (the API gets new ones) does not count as complete.
"""

DROPPED_AS = {
    "end_turn": None,
    "stop_sequence": None,
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
    "tool_use": "unfinished",
    "pause_turn": "unfinished",
}
"""For each stop reason, why an answer with it is not trained on; None: it is complete."""
STOP_REASONS = tuple(DROPPED_AS)
COMPLETE = frozenset(reason for reason, why in DROPPED_AS.items() if why is None)
UNKNOWN = "unfinished"
"""Why an answer with any other stop reason is not trained on."""
