"""What the agent counts, besides its requests."""

from prometheus_client import Counter

ANSWERS = Counter("agent_answers_total", "Messages, by the provider asked and how they ended.", ["provider", "outcome"])
MODEL_FAILURES = Counter("agent_model_failures_total", "Failures of the model.", ["provider", "error"])
TOOL_CALLS = Counter("agent_tool_calls_total", "Tools the model has called.", ["tool"])
TOKENS = Counter("agent_model_tokens_total", "Tokens the provider has counted.", ["direction"])
