/*
 * service_rules.c
 *	  What the answers of services mean: statuses, codes of the body, words.
 *
 * Data, in the order in which it is tried: what says more comes first.  Codes of
 * spent quota stand before those of throttles, codes before statuses, statuses
 * before prose.  SHUT: the work was certainly not done.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/failure_rules.h"

#define ANY		0, RETRY_STATUS_MAX
#define REFUSED	0, 499			/* no status, a stream's 200, a refusal */
#define NONE	0, 299			/* no status, a stream's 200 */
#define SAID	0, 403			/* as REFUSED, but not 404 and its kind */
#define CODE	FAILURE_BY_CODE
#define PHRASE	FAILURE_BY_PHRASE
#define STATUS	FAILURE_BY_STATUS
#define RETRY		RETRY_CLASS_RETRY
#define THROTTLE	RETRY_CLASS_THROTTLE
#define QUOTA		RETRY_CLASS_QUOTA
#define FINAL		RETRY_CLASS_FATAL
#define CANCELLED	RETRY_CLASS_CANCELLED
#define OPEN	FAILURE_OPEN
#define SHUT	FAILURE_SHUT
#define CAUSE	FAILURE_BY_CAUSE

static const FailureSource http = {"RFC 9110 section 15 and the IANA registry of HTTP status codes", "2026-11-30"};
static const FailureSource nginx = {"nginx: 499, client closed request", "2026-11-30"};
static const FailureSource anthropic = {"https://docs.claude.com/en/api/errors", "2026-11-30"};
static const FailureSource openai = {"https://developers.openai.com/docs/guides/error-codes", "2026-11-30"};
static const FailureSource gemini = {"https://ai.google.dev/gemini-api/docs/troubleshooting", "2026-11-30"};
static const FailureSource google = {"https://cloud.google.com/apis/design/errors", "2026-11-30"};
static const FailureSource bedrock = {"https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html", "2026-11-30"};
static const FailureSource aws = {"botocore 1.43 retries/standard.py", "2026-11-30"};
static const FailureSource azure = {"https://learn.microsoft.com/azure/ai-services/openai/quotas-limits", "2026-11-30"};
static const FailureSource openrouter = {"https://openrouter.ai/docs/api-reference/errors", "2026-11-30"};
static const FailureSource github = {"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api", "2026-11-30"};
static const FailureSource grpc = {"https://grpc.io/docs/guides/status-codes/", "2026-11-30"};
static const FailureSource mcp = {"Model Context Protocol and JSON-RPC 2.0: error codes", "2026-11-30"};

const FailureRule service_rules[] = {
	/* statuses that say it all */
	{402, 402, STATUS, NULL, QUOTA, SHUT, &http},
	{499, 499, STATUS, NULL, CANCELLED, OPEN, &nginx},
	{529, 529, STATUS, NULL, THROTTLE, SHUT, &anthropic},

	/* a request that no wait lets pass */
	{ANY, FAILURE_BY_SIZE, "Limit N, Requested more", FINAL, SHUT, &openai},
	{ANY, CODE, "request_too_large", FINAL, SHUT, &anthropic},
	{ANY, CODE, "context_length_exceeded", FINAL, SHUT, &openai},
	{ANY, CODE, "string_above_max_length", FINAL, SHUT, &openai},
	{ANY, PHRASE, "request too large for", FINAL, SHUT, &openai},
	{ANY, PHRASE, "must be reduced in order to run", FINAL, SHUT, &openai},
	{ANY, PHRASE, "maximum context length", FINAL, SHUT, &openai},
	{ANY, PHRASE, "prompt is too long", FINAL, SHUT, &anthropic},
	{ANY, PHRASE, "input is too long for requested model", FINAL, SHUT, &bedrock},

	/* spent quota: no wait refills an account.  A 429 with a wait hint skips these rows */
	{ANY, CODE, "insufficient_quota", QUOTA, SHUT, &openai},
	{ANY, CODE, "credit_balance_exhausted", QUOTA, SHUT, &openai},
	{ANY, CODE, "organization_spend_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "project_spend_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "organization_usage_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "billing_hard_limit_reached", QUOTA, SHUT, &openai},
	{ANY, CODE, "billing_not_active", QUOTA, SHUT, &openai},
	{ANY, CODE, "quota_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "billing_error", QUOTA, SHUT, &anthropic},
	{ANY, CODE, "enforced_spend_limit_reached", QUOTA, SHUT, &anthropic},
	{ANY, CODE, "ServiceQuotaExceededException", QUOTA, SHUT, &bedrock},
	{ANY, PHRASE, "exceeded your current quota", QUOTA, SHUT, &openai},
	{ANY, PHRASE, "check your plan and billing details", QUOTA, SHUT, &openai},
	{ANY, PHRASE, "you have run out of credits", QUOTA, SHUT, &openai},
	{SAID, PHRASE, "credit balance is too low", QUOTA, SHUT, &anthropic},
	{SAID, PHRASE, "reached your specified API usage limits", QUOTA, SHUT, &anthropic},
	{SAID, PHRASE, "insufficient credits", QUOTA, SHUT, &openrouter},
	{SAID, PHRASE, "requires more credits", QUOTA, SHUT, &openrouter},
	{SAID, PHRASE, "insufficient balance", QUOTA, SHUT, &openrouter},

	/* throttles, under any status: streams report them inside of a 200, Bedrock with a 400 */
	{ANY, CODE, "overloaded_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "rate_limit_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "Overloaded", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "rate_limit_exceeded", THROTTLE, SHUT, &openai},
	{ANY, CODE, "rate_limited", THROTTLE, SHUT, &openai},
	{ANY, CODE, "slow_down", THROTTLE, SHUT, &openai},
	{ANY, CODE, "server_is_overloaded", THROTTLE, SHUT, &openai},
	{ANY, CODE, "engine_overloaded", THROTTLE, SHUT, &openai},
	{ANY, CODE, "engine_overloaded_error", THROTTLE, SHUT, &openai},
	{ANY, CODE, "tokens_exceeded_error", THROTTLE, SHUT, &openai},
	{ANY, CODE, "RESOURCE_EXHAUSTED", THROTTLE, SHUT, &grpc},
	{ANY, CODE, "rateLimitExceeded", THROTTLE, SHUT, &google},
	{ANY, CODE, "userRateLimitExceeded", THROTTLE, SHUT, &google},
	{ANY, CODE, "dailyLimitExceeded", THROTTLE, SHUT, &google},
	{ANY, CODE, "concurrentLimitExceeded", THROTTLE, SHUT, &google},
	{ANY, CODE, "Throttling", THROTTLE, SHUT, &aws},
	{ANY, CODE, "ThrottlingException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "ThrottledException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "RequestThrottledException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "RequestThrottled", THROTTLE, SHUT, &aws},
	{ANY, CODE, "TooManyRequestsException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "ProvisionedThroughputExceededException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "TransactionInProgressException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "RequestLimitExceeded", THROTTLE, SHUT, &aws},
	{ANY, CODE, "BandwidthLimitExceeded", THROTTLE, SHUT, &aws},
	{ANY, CODE, "LimitExceededException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "SlowDown", THROTTLE, SHUT, &aws},
	{ANY, CODE, "PriorRequestNotComplete", THROTTLE, SHUT, &aws},
	{ANY, CODE, "EC2ThrottledException", THROTTLE, SHUT, &aws},
	{ANY, CODE, "ModelNotReadyException", THROTTLE, SHUT, &bedrock},
	{ANY, CODE, "TooManyRequests", THROTTLE, SHUT, &azure},
	{ANY, CODE, "RateLimitReached", THROTTLE, SHUT, &azure},
	{ANY, CODE, "ServerBusy", THROTTLE, SHUT, &azure},
	{ANY, CODE, "NoCapacity", THROTTLE, SHUT, &azure},
	{ANY, CODE, "EngineOverloaded", THROTTLE, SHUT, &azure},

	/* errors of the other side's own */
	{REFUSED, CODE, "api_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "timeout_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "server_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "service_unavailable_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "internal_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "internal_server_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "InternalServerException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ServiceUnavailableException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ModelStreamErrorException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ModelTimeoutException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "RequestTimeout", RETRY, OPEN, &aws},
	{REFUSED, CODE, "RequestTimeoutException", RETRY, OPEN, &aws},
	{REFUSED, CODE, "InternalFailure", RETRY, OPEN, &aws},
	{REFUSED, CODE, "InternalError", RETRY, OPEN, &aws},
	{REFUSED, CODE, "ServiceUnavailable", RETRY, OPEN, &aws},
	{REFUSED, CODE, "InternalServerError", RETRY, OPEN, &aws},
	{REFUSED, CODE, "OperationTimedOut", RETRY, OPEN, &azure},
	{REFUSED, CODE, "ServerTimeout", RETRY, OPEN, &azure},
	{REFUSED, CODE, "GatewayTimeout", RETRY, OPEN, &azure},
	{REFUSED, CODE, "BadGateway", RETRY, OPEN, &azure},
	{REFUSED, CODE, "backendError", RETRY, OPEN, &google},
	{REFUSED, CODE, "UNAVAILABLE", RETRY, CAUSE, &grpc},
	{REFUSED, CODE, "DEADLINE_EXCEEDED", RETRY, OPEN, &grpc},
	{REFUSED, CODE, "ABORTED", RETRY, OPEN, &grpc},
	{REFUSED, CODE, "INTERNAL", RETRY, OPEN, &grpc},
	{NONE, CODE, "CANCELLED", CANCELLED, OPEN, &grpc},
	{NONE, CODE, "CANCELED", CANCELLED, OPEN, &grpc},
	{NONE, CODE, "-32001", RETRY, OPEN, &mcp},
	{NONE, CODE, "-32800", CANCELLED, OPEN, &mcp},
	{NONE, CODE, "-32700", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32600", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32601", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32602", FINAL, SHUT, &mcp},
	{NONE, CODE, "INVALID_ARGUMENT", FINAL, SHUT, &grpc},
	{NONE, CODE, "NOT_FOUND", FINAL, SHUT, &grpc},
	{NONE, CODE, "ALREADY_EXISTS", FINAL, SHUT, &grpc},
	{NONE, CODE, "PERMISSION_DENIED", FINAL, SHUT, &grpc},
	{NONE, CODE, "FAILED_PRECONDITION", FINAL, SHUT, &grpc},
	{NONE, CODE, "OUT_OF_RANGE", FINAL, SHUT, &grpc},
	{NONE, CODE, "UNIMPLEMENTED", FINAL, SHUT, &grpc},
	{NONE, CODE, "UNAUTHENTICATED", FINAL, SHUT, &grpc},
	{NONE, CODE, "DATA_LOSS", FINAL, OPEN, &grpc},
	{NONE, CODE, "invalid_request_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "authentication_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "permission_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "not_found_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "invalid_api_key", FINAL, SHUT, &openai},
	{NONE, CODE, "model_not_found", FINAL, SHUT, &openai},
	{NONE, CODE, "content_filter", FINAL, SHUT, &openai},
	{NONE, CODE, "content_policy_violation", FINAL, SHUT, &openai},
	{NONE, CODE, "ValidationException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "AccessDeniedException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "ResourceNotFoundException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "UnrecognizedClientException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "ExpiredTokenException", FINAL, SHUT, &bedrock},

	/* statuses */
	{408, 408, STATUS, NULL, RETRY, SHUT, &http},
	{409, 409, STATUS, NULL, RETRY, SHUT, &http},
	{425, 425, STATUS, NULL, RETRY, SHUT, &http},
	{429, 429, STATUS, NULL, THROTTLE, SHUT, &http},
	{501, 501, STATUS, NULL, FINAL, SHUT, &http},
	{505, 505, STATUS, NULL, FINAL, SHUT, &http},
	{507, 507, STATUS, NULL, FINAL, SHUT, &http},
	{511, 511, STATUS, NULL, FINAL, SHUT, &http},
	{503, 503, STATUS, NULL, RETRY, SHUT, &http},
	{500, RETRY_STATUS_MAX, STATUS, NULL, RETRY, OPEN, &http},

	/* a limit that is told with another status than 429 */
	{403, 403, FAILURE_BY_HINT, "Retry-After, or x-ratelimit-remaining: 0", THROTTLE, SHUT, &github},
	{SAID, PHRASE, "secondary rate limit", THROTTLE, SHUT, &github},
	{SAID, PHRASE, "API rate limit exceeded", THROTTLE, SHUT, &github},
	{SAID, PHRASE, "abuse detection mechanism", THROTTLE, SHUT, &github},
	{SAID, PHRASE, "rate limit exceeded", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limit reached", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limit is exceeded", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limited", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "too many requests", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "exceeded call rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "exceeded token rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "exceeded the call rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "exceeded the token rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "Quota exceeded for quota metric", THROTTLE, SHUT, &gemini},
	{SAID, PHRASE, "Quota exceeded for metric", THROTTLE, SHUT, &gemini},
	{SAID, PHRASE, "resource has been exhausted", THROTTLE, SHUT, &gemini},
	{SAID, PHRASE, "resource exhausted", THROTTLE, SHUT, &gemini},
	{NONE, PHRASE, "model is overloaded", THROTTLE, SHUT, &openai},
	{NONE, PHRASE, "currently overloaded", THROTTLE, SHUT, &openai},
	{NONE, PHRASE, "is overloaded", THROTTLE, SHUT, &openai},
	{NONE, PHRASE, "server overloaded", THROTTLE, SHUT, &openai},
	{NONE, PHRASE, "at capacity", THROTTLE, SHUT, &openai},
	{NONE, PHRASE, "Too many tokens, please wait", THROTTLE, SHUT, &aws},
	{NONE, PHRASE, "Rate exceeded", THROTTLE, SHUT, &aws},

	/* the rest of 4xx: refused */
	{400, 499, STATUS, NULL, FINAL, SHUT, &http},
};

const int	service_nrules = lengthof(service_rules);
