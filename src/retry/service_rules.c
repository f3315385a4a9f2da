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

static const FailureSource http = {"RFC 9110 section 15 and the IANA registry of HTTP status codes", NULL};
static const FailureSource nginx = {"nginx: 499, client closed request", NULL};
static const FailureSource anthropic = {"https://platform.claude.com/docs/en/api/errors and anthropic-sdk-python", "2026-11-30"};
static const FailureSource openai = {"https://developers.openai.com/docs/guides/error-codes and openai-python", "2026-11-30"};
static const FailureSource google = {"googleapis/googleapis google/rpc/code.proto and google/api/error_reason.proto", "2026-11-30"};
static const FailureSource google_json = {"Google APIs over JSON: reasons of errors with a 403", NULL};
static const FailureSource bedrock = {"botocore 1.43 data/bedrock-runtime/2023-09-30/service-2.json", "2026-11-30"};
static const FailureSource aws = {"botocore 1.43 retries/standard.py and data/_retry.json", "2026-11-30"};
static const FailureSource azure = {"https://learn.microsoft.com/answers: errors of Azure OpenAI", "2026-11-30"};
static const FailureSource github = {"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api", "2026-11-30"};
static const FailureSource grpc = {"grpc/grpc doc/statuscodes.md, grpc-go and grpc-js", "2026-11-30"};
static const FailureSource mcp = {"modelcontextprotocol/python-sdk mcp_types/jsonrpc.py", "2026-11-30"};
static const FailureSource urllib3 = {"urllib3 util/retry.py", "2026-11-30"};
static const FailureSource reports = {"reports of users", NULL};

const FailureRule service_rules[] = {
	/* statuses that say it all */
	{402, 402, STATUS, NULL, QUOTA, SHUT, &http},
	{499, 499, STATUS, NULL, CANCELLED, OPEN, &nginx},
	{529, 529, STATUS, NULL, THROTTLE, SHUT, &anthropic},

	/* a request that no wait lets pass */
	{ANY, FAILURE_BY_SIZE, "Limit N, Requested more", FINAL, SHUT, &reports},
	{ANY, CODE, "request_too_large", FINAL, SHUT, &anthropic},
	{ANY, CODE, "context_length_exceeded", FINAL, SHUT, &reports},
	{ANY, CODE, "string_above_max_length", FINAL, SHUT, &reports},
	{ANY, PHRASE, "request too large for", FINAL, SHUT, &reports},
	{ANY, PHRASE, "must be reduced in order to run", FINAL, SHUT, &reports},
	{ANY, PHRASE, "maximum context length", FINAL, SHUT, &reports},
	{ANY, PHRASE, "prompt is too long", FINAL, SHUT, &reports},
	{ANY, PHRASE, "input is too long for requested model", FINAL, SHUT, &reports},
	{NONE, PHRASE, "trying to send message larger than max", FINAL, SHUT, &grpc},
	{NONE, PHRASE, "Attempted to send message with a size larger than", FINAL, SHUT, &grpc},
	{NONE, PHRASE, "Sent message larger than max", FINAL, SHUT, &grpc},
	{NONE, PHRASE, "received message larger than max", FINAL, OPEN, &grpc},
	{NONE, PHRASE, "message after decompression larger than max", FINAL, OPEN, &grpc},
	{NONE, PHRASE, "received message after decompression larger than max", FINAL, OPEN, &grpc},
	{NONE, PHRASE, "Received message that decompresses to a size larger than", FINAL, OPEN, &grpc},

	/* spent quota: no wait refills an account.  A 429 with a wait hint skips these rows */
	{ANY, CODE, "insufficient_quota", QUOTA, SHUT, &openai},
	{ANY, CODE, "credit_balance_exhausted", QUOTA, SHUT, &openai},
	{ANY, CODE, "organization_spend_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "project_spend_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "organization_usage_limit_exceeded", QUOTA, SHUT, &openai},
	{ANY, CODE, "billing_hard_limit_reached", QUOTA, SHUT, &reports},
	{ANY, CODE, "billing_not_active", QUOTA, SHUT, &reports},
	{ANY, CODE, "quota_exceeded", QUOTA, SHUT, &reports},
	{ANY, CODE, "billing_error", QUOTA, SHUT, &anthropic},
	{ANY, CODE, "enforced_spend_limit_reached", QUOTA, SHUT, &anthropic},
	{ANY, CODE, "ServiceQuotaExceededException", QUOTA, SHUT, &bedrock},
	{SAID, CODE, "BILLING_DISABLED", QUOTA, SHUT, &google},
	{ANY, PHRASE, "exceeded your current quota", QUOTA, SHUT, &openai},
	{ANY, PHRASE, "check your plan and billing details", QUOTA, SHUT, &openai},
	{ANY, PHRASE, "you have run out of credits", QUOTA, SHUT, &reports},
	{SAID, PHRASE, "credit balance is too low", QUOTA, SHUT, &reports},
	{SAID, PHRASE, "reached your specified API usage limits", QUOTA, SHUT, &reports},
	{SAID, PHRASE, "insufficient credits", QUOTA, SHUT, &reports},
	{SAID, PHRASE, "requires more credits", QUOTA, SHUT, &reports},
	{SAID, PHRASE, "insufficient balance", QUOTA, SHUT, &reports},

	/* throttles, under any status: streams report them inside of a 200, Bedrock with a 400 */
	{ANY, CODE, "overloaded_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "rate_limit_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "model_overloaded_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "model_rate_limited_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "session_rate_limited_error", THROTTLE, SHUT, &anthropic},
	{ANY, CODE, "Overloaded", THROTTLE, SHUT, &reports},
	{ANY, CODE, "rate_limit_exceeded", THROTTLE, SHUT, &openai},
	{ANY, CODE, "rate_limited", THROTTLE, SHUT, &reports},
	{ANY, CODE, "slow_down", THROTTLE, SHUT, &openai},
	{ANY, CODE, "server_is_overloaded", THROTTLE, SHUT, &openai},
	{ANY, CODE, "engine_overloaded", THROTTLE, SHUT, &reports},
	{ANY, CODE, "engine_overloaded_error", THROTTLE, SHUT, &reports},
	{ANY, CODE, "tokens_exceeded_error", THROTTLE, SHUT, &reports},
	{ANY, CODE, "RESOURCE_EXHAUSTED", THROTTLE, SHUT, &grpc},
	{ANY, CODE, "rateLimitExceeded", THROTTLE, SHUT, &google_json},
	{ANY, CODE, "userRateLimitExceeded", THROTTLE, SHUT, &google_json},
	{ANY, CODE, "dailyLimitExceeded", THROTTLE, SHUT, &google_json},
	{ANY, CODE, "concurrentLimitExceeded", THROTTLE, SHUT, &reports},
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
	{NONE, PHRASE, "too many 429 error responses", THROTTLE, SHUT, &urllib3},
	{ANY, CODE, "ModelNotReadyException", THROTTLE, SHUT, &bedrock},
	{ANY, CODE, "TooManyRequests", THROTTLE, SHUT, &reports},
	{ANY, CODE, "RateLimitReached", THROTTLE, SHUT, &reports},
	{ANY, CODE, "ServerBusy", THROTTLE, SHUT, &reports},
	{ANY, CODE, "NoCapacity", THROTTLE, SHUT, &reports},
	{ANY, CODE, "EngineOverloaded", THROTTLE, SHUT, &reports},

	/* errors of the other side's own */
	{REFUSED, CODE, "api_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "timeout_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "model_request_failed_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "mcp_connection_failed_error", RETRY, OPEN, &anthropic},
	{REFUSED, CODE, "server_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "vector_store_timeout", RETRY, OPEN, &openai},
	{REFUSED, CODE, "service_unavailable_error", RETRY, OPEN, &openai},
	{REFUSED, CODE, "internal_error", RETRY, OPEN, &reports},
	{REFUSED, CODE, "internal_server_error", RETRY, OPEN, &reports},
	{REFUSED, CODE, "InternalServerException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ServiceUnavailableException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ModelStreamErrorException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "ModelTimeoutException", RETRY, OPEN, &bedrock},
	{REFUSED, CODE, "RequestTimeout", RETRY, OPEN, &aws},
	{REFUSED, CODE, "RequestTimeoutException", RETRY, OPEN, &aws},
	{REFUSED, CODE, "IDPCommunicationError", RETRY, OPEN, &aws},
	{REFUSED, CODE, "InternalFailure", RETRY, OPEN, &reports},
	{REFUSED, CODE, "InternalError", RETRY, OPEN, &reports},
	{REFUSED, CODE, "ServiceUnavailable", RETRY, OPEN, &reports},
	{REFUSED, CODE, "InternalServerError", RETRY, OPEN, &reports},
	{REFUSED, CODE, "OperationTimedOut", RETRY, OPEN, &reports},
	{REFUSED, CODE, "ServerTimeout", RETRY, OPEN, &reports},
	{REFUSED, CODE, "GatewayTimeout", RETRY, OPEN, &reports},
	{REFUSED, CODE, "BadGateway", RETRY, OPEN, &reports},
	{REFUSED, CODE, "backendError", RETRY, OPEN, &reports},
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
	{NONE, CODE, "-32020", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32021", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32022", FINAL, SHUT, &mcp},
	{NONE, CODE, "-32042", FINAL, SHUT, &mcp},
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
	{NONE, CODE, "conflict_error", RETRY, SHUT, &anthropic},
	{NONE, CODE, "organization_disabled_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "mcp_authentication_failed_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "mcp_egress_blocked_error", FINAL, SHUT, &anthropic},
	{NONE, CODE, "invalid_api_key", FINAL, SHUT, &reports},
	{NONE, CODE, "model_not_found", FINAL, SHUT, &reports},
	{NONE, CODE, "content_filter", FINAL, SHUT, &openai},
	{NONE, CODE, "content_policy_violation", FINAL, SHUT, &openai},
	{NONE, CODE, "invalid_prompt", FINAL, SHUT, &openai},
	{NONE, CODE, "bio_policy", FINAL, SHUT, &openai},
	{NONE, CODE, "data_residency_mismatch", FINAL, SHUT, &openai},
	{NONE, CODE, "image_content_policy_violation", FINAL, SHUT, &openai},
	{NONE, CODE, "invalid_image_url", FINAL, SHUT, &openai},
	{NONE, CODE, "ValidationException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "AccessDeniedException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "ResourceNotFoundException", FINAL, SHUT, &bedrock},
	{NONE, CODE, "UnrecognizedClientException", FINAL, SHUT, &reports},
	{NONE, CODE, "ExpiredTokenException", FINAL, SHUT, &reports},

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
	{SAID, PHRASE, "abuse detection mechanism", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "rate limit exceeded", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limit reached", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limit is exceeded", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "rate limited", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "too many requests", THROTTLE, SHUT, &http},
	{SAID, PHRASE, "exceeded call rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "exceeded token rate limit", THROTTLE, SHUT, &azure},
	{SAID, PHRASE, "exceeded the call rate limit", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "exceeded the token rate limit", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "Quota exceeded for quota metric", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "Quota exceeded for metric", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "resource has been exhausted", THROTTLE, SHUT, &reports},
	{SAID, PHRASE, "resource exhausted", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "model is overloaded", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "currently overloaded", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "is overloaded", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "server overloaded", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "at capacity", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "Too many tokens, please wait", THROTTLE, SHUT, &reports},
	{NONE, PHRASE, "Rate exceeded", THROTTLE, SHUT, &reports},

	/* the rest of 4xx: refused */
	{400, 499, STATUS, NULL, FINAL, SHUT, &http},
};

const int	service_nrules = lengthof(service_rules);
