"""Whether a provider's error passes by itself, by the words in it: llm_retry.predicates.

The words are the library's, for programs that ask by them.  retry_rules() of the database knows more, and by_gate() asks it.
"""
import typing

ANTHROPIC_RETRYABLE = ("rate_limit_error", "overloaded_error", "api_error", "timeout")
OPENAI_RETRYABLE = ("rate_limit_exceeded", "server_error", "engine_overloaded", "tokens_exhausted", "timeout")
BEDROCK_RETRYABLE = ("ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailableException",
                     "ProvisionedThroughputExceededException", "ModelTimeoutException")
GEMINI_RETRYABLE = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL")
HTTP_RETRYABLE_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def contains_any(s: str, patterns: typing.Iterable[str]) -> bool:
    return any(pattern in s for pattern in patterns)


def is_anthropic_retryable(s: str) -> bool:
    return contains_any(s, ANTHROPIC_RETRYABLE)


def is_openai_retryable(s: str) -> bool:
    return contains_any(s, OPENAI_RETRYABLE)


def is_bedrock_retryable(s: str) -> bool:
    return contains_any(s, BEDROCK_RETRYABLE)


def is_gemini_retryable(s: str) -> bool:
    return contains_any(s, GEMINI_RETRYABLE)


def is_http_status_retryable(code: int) -> bool:
    return code in HTTP_RETRYABLE_STATUSES
