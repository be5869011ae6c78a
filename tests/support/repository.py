"""Where the repository lies, and which variables of the environment no test may see."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRETS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "DISTILL_LEDGER",
    "DVC_ROOT",
    "DVC_STAGE",
    "HF_TOKEN",
)
