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
#include "retry/failure_sources.h"

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

const FailureRule service_rules[] = {
	/* statuses that say it all */
	{402, 402, STATUS, NULL, QUOTA, SHUT, &source_http},
	{499, 499, STATUS, NULL, CANCELLED, OPEN, &source_nginx},
	{529, 529, STATUS, NULL, THROTTLE, SHUT, &source_anthropic},

	/* a request that no wait lets pass */
	{ANY, FAILURE_BY_SIZE, "Limit N, Requested more", FINAL, SHUT, &source_reports},
	{ANY, CODE, "request_too_large", FINAL, SHUT, &source_anthropic},
	{ANY, CODE, "context_length_exceeded", FINAL, SHUT, &source_reports},
	{ANY, CODE, "string_above_max_length", FINAL, SHUT, &source_reports},
	{ANY, PHRASE, "request too large for", FINAL, SHUT, &source_reports},
	{ANY, PHRASE, "must be reduced in order to run", FINAL, SHUT, &source_reports},
	{ANY, PHRASE, "maximum context length", FINAL, SHUT, &source_reports},
	{ANY, PHRASE, "prompt is too long", FINAL, SHUT, &source_reports},
	{ANY, PHRASE, "input is too long for requested model", FINAL, SHUT, &source_reports},
	{NONE, PHRASE, "trying to send message larger than max", FINAL, SHUT, &source_grpc},
	{NONE, PHRASE, "Attempted to send message with a size larger than", FINAL, SHUT, &source_grpc},
	{NONE, PHRASE, "Sent message larger than max", FINAL, SHUT, &source_grpc},
	{NONE, PHRASE, "received message larger than max", FINAL, OPEN, &source_grpc},
	{NONE, PHRASE, "message after decompression larger than max", FINAL, OPEN, &source_grpc},
	{NONE, PHRASE, "received message after decompression larger than max", FINAL, OPEN, &source_grpc},
	{NONE, PHRASE, "Received message that decompresses to a size larger than", FINAL, OPEN, &source_grpc},

	/* spent quota: no wait refills an account.  A 429 with a wait hint skips these rows */
	{ANY, CODE, "insufficient_quota", QUOTA, SHUT, &source_openai},
	{ANY, CODE, "credit_balance_exhausted", QUOTA, SHUT, &source_openai},
	{ANY, CODE, "organization_spend_limit_exceeded", QUOTA, SHUT, &source_openai},
	{ANY, CODE, "project_spend_limit_exceeded", QUOTA, SHUT, &source_openai},
	{ANY, CODE, "organization_usage_limit_exceeded", QUOTA, SHUT, &source_openai},
	{ANY, CODE, "billing_hard_limit_reached", QUOTA, SHUT, &source_reports},
	{ANY, CODE, "billing_not_active", QUOTA, SHUT, &source_reports},
	{ANY, CODE, "quota_exceeded", QUOTA, SHUT, &source_reports},
	{ANY, CODE, "billing_error", QUOTA, SHUT, &source_anthropic},
	{ANY, CODE, "enforced_spend_limit_reached", QUOTA, SHUT, &source_anthropic},
	{ANY, CODE, "ServiceQuotaExceededException", QUOTA, SHUT, &source_bedrock},
	{SAID, CODE, "BILLING_DISABLED", QUOTA, SHUT, &source_google},
	{ANY, PHRASE, "exceeded your current quota", QUOTA, SHUT, &source_openai},
	{ANY, PHRASE, "check your plan and billing details", QUOTA, SHUT, &source_openai},
	{ANY, PHRASE, "you have run out of credits", QUOTA, SHUT, &source_reports},
	{SAID, PHRASE, "credit balance is too low", QUOTA, SHUT, &source_reports},
	{SAID, PHRASE, "reached your specified API usage limits", QUOTA, SHUT, &source_reports},
	{SAID, PHRASE, "insufficient credits", QUOTA, SHUT, &source_reports},
	{SAID, PHRASE, "requires more credits", QUOTA, SHUT, &source_reports},
	{SAID, PHRASE, "insufficient balance", QUOTA, SHUT, &source_reports},

	/* throttles, under any status: streams report them inside of a 200, Bedrock with a 400 */
	{ANY, CODE, "overloaded_error", THROTTLE, SHUT, &source_anthropic},
	{ANY, CODE, "rate_limit_error", THROTTLE, SHUT, &source_anthropic},
	{ANY, CODE, "model_overloaded_error", THROTTLE, SHUT, &source_anthropic},
	{ANY, CODE, "model_rate_limited_error", THROTTLE, SHUT, &source_anthropic},
	{ANY, CODE, "session_rate_limited_error", THROTTLE, SHUT, &source_anthropic},
	{ANY, CODE, "Overloaded", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "rate_limit_exceeded", THROTTLE, SHUT, &source_openai},
	{ANY, CODE, "rate_limited", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "slow_down", THROTTLE, SHUT, &source_openai},
	{ANY, CODE, "server_is_overloaded", THROTTLE, SHUT, &source_openai},
	{ANY, CODE, "engine_overloaded", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "engine_overloaded_error", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "tokens_exceeded_error", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "RESOURCE_EXHAUSTED", THROTTLE, SHUT, &source_grpc},
	{ANY, CODE, "rateLimitExceeded", THROTTLE, SHUT, &source_google_json},
	{ANY, CODE, "userRateLimitExceeded", THROTTLE, SHUT, &source_google_json},
	{ANY, CODE, "dailyLimitExceeded", THROTTLE, SHUT, &source_google_json},
	{ANY, CODE, "concurrentLimitExceeded", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "Throttling", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "ThrottlingException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "ThrottledException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "RequestThrottledException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "RequestThrottled", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "TooManyRequestsException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "ProvisionedThroughputExceededException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "TransactionInProgressException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "RequestLimitExceeded", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "BandwidthLimitExceeded", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "LimitExceededException", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "SlowDown", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "PriorRequestNotComplete", THROTTLE, SHUT, &source_aws},
	{ANY, CODE, "EC2ThrottledException", THROTTLE, SHUT, &source_aws},
	{NONE, PHRASE, "too many 429 error responses", THROTTLE, SHUT, &source_urllib3},
	{ANY, CODE, "ModelNotReadyException", THROTTLE, SHUT, &source_bedrock},
	{ANY, CODE, "TooManyRequests", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "RateLimitReached", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "ServerBusy", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "NoCapacity", THROTTLE, SHUT, &source_reports},
	{ANY, CODE, "EngineOverloaded", THROTTLE, SHUT, &source_reports},

	/* errors of the other side's own */
	{REFUSED, CODE, "api_error", RETRY, OPEN, &source_anthropic},
	{REFUSED, CODE, "timeout_error", RETRY, OPEN, &source_anthropic},
	{REFUSED, CODE, "model_request_failed_error", RETRY, OPEN, &source_anthropic},
	{REFUSED, CODE, "mcp_connection_failed_error", RETRY, OPEN, &source_anthropic},
	{REFUSED, CODE, "server_error", RETRY, OPEN, &source_openai},
	{REFUSED, CODE, "vector_store_timeout", RETRY, OPEN, &source_openai},
	{REFUSED, CODE, "service_unavailable_error", RETRY, OPEN, &source_openai},
	{REFUSED, CODE, "internal_error", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "internal_server_error", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "InternalServerException", RETRY, OPEN, &source_bedrock},
	{REFUSED, CODE, "ServiceUnavailableException", RETRY, OPEN, &source_bedrock},
	{REFUSED, CODE, "ModelStreamErrorException", RETRY, OPEN, &source_bedrock},
	{REFUSED, CODE, "ModelTimeoutException", RETRY, OPEN, &source_bedrock},
	{REFUSED, CODE, "RequestTimeout", RETRY, OPEN, &source_aws},
	{REFUSED, CODE, "RequestTimeoutException", RETRY, OPEN, &source_aws},
	{REFUSED, CODE, "IDPCommunicationError", RETRY, OPEN, &source_aws},
	{REFUSED, CODE, "InternalFailure", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "InternalError", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "ServiceUnavailable", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "InternalServerError", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "OperationTimedOut", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "ServerTimeout", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "GatewayTimeout", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "BadGateway", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "backendError", RETRY, OPEN, &source_reports},
	{REFUSED, CODE, "UNAVAILABLE", RETRY, CAUSE, &source_grpc},
	{REFUSED, CODE, "DEADLINE_EXCEEDED", RETRY, OPEN, &source_grpc},
	{REFUSED, CODE, "ABORTED", RETRY, OPEN, &source_grpc},
	{REFUSED, CODE, "INTERNAL", RETRY, OPEN, &source_grpc},
	{NONE, CODE, "CANCELLED", CANCELLED, OPEN, &source_grpc},
	{NONE, CODE, "CANCELED", CANCELLED, OPEN, &source_grpc},
	{NONE, CODE, "-32001", RETRY, OPEN, &source_mcp},
	{NONE, CODE, "-32800", CANCELLED, OPEN, &source_mcp},
	{NONE, CODE, "-32700", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32600", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32601", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32602", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32020", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32021", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32022", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "-32042", FINAL, SHUT, &source_mcp},
	{NONE, CODE, "INVALID_ARGUMENT", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "NOT_FOUND", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "ALREADY_EXISTS", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "PERMISSION_DENIED", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "FAILED_PRECONDITION", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "OUT_OF_RANGE", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "UNIMPLEMENTED", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "UNAUTHENTICATED", FINAL, SHUT, &source_grpc},
	{NONE, CODE, "DATA_LOSS", FINAL, OPEN, &source_grpc},
	{NONE, CODE, "invalid_request_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "authentication_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "permission_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "not_found_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "conflict_error", RETRY, SHUT, &source_anthropic},
	{NONE, CODE, "organization_disabled_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "mcp_authentication_failed_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "mcp_egress_blocked_error", FINAL, SHUT, &source_anthropic},
	{NONE, CODE, "invalid_api_key", FINAL, SHUT, &source_reports},
	{NONE, CODE, "model_not_found", FINAL, SHUT, &source_reports},
	{NONE, CODE, "content_filter", FINAL, SHUT, &source_openai},
	{NONE, CODE, "content_policy_violation", FINAL, SHUT, &source_openai},
	{NONE, CODE, "invalid_prompt", FINAL, SHUT, &source_openai},
	{NONE, CODE, "bio_policy", FINAL, SHUT, &source_openai},
	{NONE, CODE, "data_residency_mismatch", FINAL, SHUT, &source_openai},
	{NONE, CODE, "image_content_policy_violation", FINAL, SHUT, &source_openai},
	{NONE, CODE, "invalid_image_url", FINAL, SHUT, &source_openai},
	{NONE, CODE, "ValidationException", FINAL, SHUT, &source_bedrock},
	{NONE, CODE, "AccessDeniedException", FINAL, SHUT, &source_bedrock},
	{NONE, CODE, "ResourceNotFoundException", FINAL, SHUT, &source_bedrock},
	{NONE, CODE, "UnrecognizedClientException", FINAL, SHUT, &source_reports},
	{NONE, CODE, "ExpiredTokenException", FINAL, SHUT, &source_reports},

	/* statuses */
	{408, 408, STATUS, NULL, RETRY, SHUT, &source_http},
	{409, 409, STATUS, NULL, RETRY, SHUT, &source_http},
	{425, 425, STATUS, NULL, RETRY, SHUT, &source_http},
	{429, 429, STATUS, NULL, THROTTLE, SHUT, &source_http},
	{501, 501, STATUS, NULL, FINAL, SHUT, &source_http},
	{505, 505, STATUS, NULL, FINAL, SHUT, &source_http},
	{507, 507, STATUS, NULL, FINAL, SHUT, &source_http},
	{511, 511, STATUS, NULL, FINAL, SHUT, &source_http},
	{503, 503, STATUS, NULL, RETRY, SHUT, &source_http},
	{500, RETRY_STATUS_MAX, STATUS, NULL, RETRY, OPEN, &source_http},

	/* a limit that is told with another status than 429 */
	{403, 403, FAILURE_BY_HINT, "Retry-After, or x-ratelimit-remaining: 0", THROTTLE, SHUT, &source_github},
	{SAID, PHRASE, "secondary rate limit", THROTTLE, SHUT, &source_github},
	{SAID, PHRASE, "API rate limit exceeded", THROTTLE, SHUT, &source_github},
	{SAID, PHRASE, "abuse detection mechanism", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "rate limit exceeded", THROTTLE, SHUT, &source_http},
	{SAID, PHRASE, "rate limit reached", THROTTLE, SHUT, &source_http},
	{SAID, PHRASE, "rate limit is exceeded", THROTTLE, SHUT, &source_http},
	{SAID, PHRASE, "rate limited", THROTTLE, SHUT, &source_http},
	{SAID, PHRASE, "too many requests", THROTTLE, SHUT, &source_http},
	{SAID, PHRASE, "exceeded call rate limit", THROTTLE, SHUT, &source_azure},
	{SAID, PHRASE, "exceeded token rate limit", THROTTLE, SHUT, &source_azure},
	{SAID, PHRASE, "exceeded the call rate limit", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "exceeded the token rate limit", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "Quota exceeded for quota metric", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "Quota exceeded for metric", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "resource has been exhausted", THROTTLE, SHUT, &source_reports},
	{SAID, PHRASE, "resource exhausted", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "model is overloaded", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "currently overloaded", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "is overloaded", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "server overloaded", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "at capacity", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "Too many tokens, please wait", THROTTLE, SHUT, &source_reports},
	{NONE, PHRASE, "Rate exceeded", THROTTLE, SHUT, &source_reports},

	/* the rest of 4xx: refused */
	{400, 499, STATUS, NULL, FINAL, SHUT, &source_http},
};

const int	service_nrules = lengthof(service_rules);
