/*
 * failure_sources.c
 *	  Where the built-in rules of failures come from, and when each was last
 *	  compared with that.  Data; a date stands here once, whichever rules have it.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/failure_sources.h"

const FailureSource source_http = {"RFC 9110 section 15 and the IANA registry of HTTP status codes", NULL};
const FailureSource source_nginx = {"nginx: 499, client closed request", NULL};
const FailureSource source_anthropic = {"https://platform.claude.com/docs/en/api/errors and anthropic-sdk-python", "2026-11-30"};
const FailureSource source_openai = {"https://developers.openai.com/docs/guides/error-codes and openai-python", "2026-11-30"};
const FailureSource source_google = {"googleapis/googleapis google/rpc/code.proto and google/api/error_reason.proto", "2026-11-30"};
const FailureSource source_google_json = {"Google APIs over JSON: reasons of errors with a 403", NULL};
const FailureSource source_bedrock = {"botocore 1.43 data/bedrock-runtime/2023-09-30/service-2.json", "2026-11-30"};
const FailureSource source_aws = {"botocore 1.43 retries/standard.py and data/_retry.json", "2026-11-30"};
const FailureSource source_azure = {"https://learn.microsoft.com/answers: errors of Azure OpenAI", "2026-11-30"};
const FailureSource source_github = {"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api", "2026-11-30"};
const FailureSource source_grpc = {"grpc/grpc doc/statuscodes.md, grpc-go and grpc-js", "2026-11-30"};
const FailureSource source_mcp = {"modelcontextprotocol/python-sdk mcp_types/jsonrpc.py", "2026-11-30"};
const FailureSource source_urllib3 = {"urllib3 util/retry.py", "2026-11-30"};
const FailureSource source_reports = {"reports of users", NULL};
const FailureSource source_api_core = {"google.api_core.exceptions", "2026-11-30"};
const FailureSource source_undici = {"undici lib/core/errors.js and lib/llhttp/constants.js", "2026-11-30"};
const FailureSource source_fetch = {"fetch() of Chrome, Firefox, Safari and others", NULL};
const FailureSource source_node = {"Node.js 20: internal/errors, util.getSystemErrorMap() and TLS codes", "2026-11-30"};
const FailureSource source_chrome = {"Chromium net_error_list.h", "2026-11-30"};
const FailureSource source_httpx = {"httpx _exceptions.py and httpcore", "2026-11-30"};
const FailureSource source_requests = {"requests.exceptions and urllib3.exceptions", "2026-11-30"};
const FailureSource source_python = {"Python: built-in exceptions, http.client, socket, ssl", "2026-11-30"};
const FailureSource source_aiohttp = {"aiohttp client_exceptions.py", "2026-11-30"};
const FailureSource source_sdk = {"exceptions of the OpenAI and Anthropic SDKs", "2026-11-30"};
const FailureSource source_go = {"Go 1.19 net, net/http with http2, context and crypto/tls", "2026-11-30"};
const FailureSource source_java = {"Java SE 17 java.net, java.io and java.net.http; OkHttp, Apache HttpClient, Netty", "2026-11-30"};
const FailureSource source_curl = {"curl include/curl/curl.h and lib/strerror.c", "2026-11-30"};
const FailureSource source_dotnet = {"dotnet/runtime System.Net.Http: HttpRequestError.cs and Strings.resx", "2026-11-30"};
const FailureSource source_botocore = {"botocore 1.43 exceptions.py and httpsession.py", "2026-11-30"};
const FailureSource source_postgres = {"PostgreSQL: canceling statement due to user request", "2026-11-30"};
const FailureSource source_program = {"errors of the caller's own code: Python, JavaScript, Java, .NET, Go", NULL};
const FailureSource source_envoy = {"Envoy: bodies of its own answers", "2026-11-30"};
const FailureSource source_rust = {"Rust: hyper and reqwest", "2026-11-30"};
const FailureSource source_ruby = {"Ruby: Net::HTTP and Faraday", "2026-11-30"};
const FailureSource source_posix = {"POSIX strerror() and getaddrinfo()", NULL};
