--
-- retry: what a failure means, list by list and in both directions.
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
-- action/reason of a failure, the reason shortened to what decided
CREATE FUNCTION said(status int, error text, header text DEFAULT NULL) RETURNS text LANGUAGE sql AS
  $$ SELECT action || ' ' || reason FROM agentcore.retry_next(1, status, error, header) $$;

-- Statuses: every one from 400 to 599 ---------------------------------------
SELECT said(s, NULL), string_agg(s::text, ' ' ORDER BY s) AS statuses FROM generate_series(400, 599) AS s
 WHERE s IN (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 424, 425, 426, 429, 431, 451, 499) OR s >= 500
 GROUP BY 1 ORDER BY 1;
SELECT said(s, NULL) AS others_of_4xx, count(*) FROM generate_series(400, 498) AS s
 WHERE s NOT IN (402, 408, 409, 425, 429) GROUP BY 1;
SELECT s, said(s, NULL) FROM unnest('{100, 200, 204, 302, 600, 999}'::int[]) AS s;

-- Codes of the body, with and without a status -------------------------------
SELECT e AS error, said(NULL, e) AS no_status, said(200, e) AS in_a_200, said(s, e) AS with_status, s
  FROM (VALUES
    (1, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', 529),
    (2, '{"type":"error","error":{"type":"rate_limit_error","message":"x"}}', 429),
    (3, '{"type":"error","error":{"type":"api_error","message":"Internal server error"}}', 500),
    (4, '{"type":"error","error":{"type":"timeout_error","message":"x"}}', 504),
    (5, '{"type":"error","error":{"type":"invalid_request_error","message":"x"}}', 400),
    (6, '{"type":"error","error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}', 429),
    (7, E'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}', 200),
    (10, '{"error":{"message":"x","type":"server_error","param":null,"code":null}}', 500),
    (11, '{"error":{"message":"x","type":"tokens","code":"rate_limit_exceeded"}}', 429),
    (12, '{"error":{"message":"x","type":"insufficient_quota","code":"project_spend_limit_exceeded"}}', 429),
    (13, '{"error":{"message":"x","type":"service_unavailable_error","code":"server_is_overloaded"}}', 503),
    (14, '{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}', 400),
    (15, '{"error":{"message":"x","type":"rate_limit_error","code":"slow_down"}}', 429),
    (20, '{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}', 503),
    (21, '{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}', 429),
    (22, '{"error":{"code":500,"message":"An internal error has occurred","status":"INTERNAL"}}', 500),
    (23, '{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}', 400),
    (24, '[{"error":{"code":504,"status":"DEADLINE_EXCEEDED"}}]', 504),
    (30, '{"__type":"com.amazon.coral.service#ThrottlingException","message":"Too many requests"}', 400),
    (31, 'ThrottlingException:http://internal.amazon.com/coral/', 400),
    (32, 'An error occurred (ThrottlingException) when calling the InvokeModel operation: Too many tokens, please wait', 400),
    (33, 'An error occurred (ServiceUnavailableException) when calling the Converse operation', 503),
    (34, 'An error occurred (ValidationException) when calling the Converse operation', 400),
    (35, '{"modelStreamErrorException":{"message":"x"}}', 424),
    (36, 'An error occurred (ServiceQuotaExceededException) when calling the InvokeModel operation', 400),
    (37, 'An error occurred (SlowDown) when calling the PutObject operation (reached max retries: 4): Please reduce your request rate.', 503),
    (38, 'An error occurred (RequestTimeout) when calling the PutObject operation', 400),
    (40, '{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded call rate limit of your current pricing tier."}}', 429),
    (41, '{"error":{"code":"NoCapacity","message":"x"}}', 503),
    (42, '{"error":{"code":"DeploymentNotFound","message":"x"}}', 404),
    (43, '{"error":{"code":"InternalServerError","message":"x"}}', 500),
    (44, '{"statusCode":429,"message":"Rate limit is exceeded."}', 429),
    (50, '{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}', 500),
    (51, '{"status":"error","message":"ThrottlingException: slow"}', 400),
    (52, '{"isError":true,"content":[{"type":"text","text":"An error occurred (ThrottlingException)"}]}', 400)
  ) AS f(n, e, s) ORDER BY n;

-- what clients print of a response whose status they do not hand on
SELECT e AS error, said(NULL, e)
  FROM (VALUES
    (1, 'openai.RateLimitError: Error code: 429 - {''error'': {''message'': ''Rate limit reached'', ''type'': ''requests'', ''code'': ''rate_limit_exceeded''}}'),
    (2, 'openai.RateLimitError: Error code: 429 - {''error'': {''message'': "You''ve hit it", ''type'': ''insufficient_quota'', ''code'': ''insufficient_quota''}}'),
    (3, 'openai.BadRequestError: Error code: 400 - {''error'': {''type'': ''invalid_request_error''}}'),
    (4, 'anthropic.InternalServerError: Error code: 529 - {''type'': ''error'', ''error'': {''type'': ''overloaded_error''}}'),
    (5, '529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
    (6, 'google.api_core.exceptions.ServiceUnavailable: 503 The model is overloaded. Please try again later.'),
    (7, '500 Internal error encountered.'),
    (8, 'requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: https://x.test/'),
    (9, 'Client error ''404 Not Found'' for url ''https://x.test/'''),
    (10, 'Server error ''502 Bad Gateway'' for url ''https://x.test/'''),
    (11, 'AxiosError: Request failed with status code 429'),
    (12, 'AxiosError: Request failed with status code 404'),
    (13, 'curl: (22) The requested URL returned error: 503'),
    (14, 'HTTP status server error (500 Internal Server Error) for url (https://x.test/)'),
    (15, 'unexpected response: HTTP/1.1 504 Gateway Timeout'),
    (16, 'ApiError: {"error":{"message":"{\n \"error\": {\n \"code\": 429,\n \"status\": \"RESOURCE_EXHAUSTED\" } }","code":429,"status":"Too Many Requests"}}'),
    -- a number is no status
    (20, '500 rows could not be read'), (21, 'order 503 is unknown'), (22, 'HTTP/1.1 200 OK'), (23, 'status code 5031'), (24, 'took 504 ms')
  ) AS f(n, e) ORDER BY n;

-- gRPC, as Go, Python, Node.js, Java, .NET and connect print it
SELECT code, said(NULL, 'rpc error: code = ' || code || ' desc = x') AS go,
       said(NULL, '<_InactiveRpcError of RPC that terminated with: status = StatusCode.' || upper(py) || ' details = "x">') AS python,
       said(NULL, 'Error: ' || n || ' ' || upper(py) || ': x') AS node,
       said(NULL, 'io.grpc.StatusRuntimeException: ' || upper(py) || ': x') AS java,
       said(NULL, 'Grpc.Core.RpcException: Status(StatusCode="' || code || '", Detail="x")') AS dotnet,
       said(NULL, 'ConnectError: [' || lower(py) || '] x') AS connect
  FROM (VALUES (1, 'Canceled', 'cancelled'), (2, 'Unknown', 'unknown'), (3, 'InvalidArgument', 'invalid_argument'),
    (4, 'DeadlineExceeded', 'deadline_exceeded'), (5, 'NotFound', 'not_found'), (6, 'AlreadyExists', 'already_exists'),
    (7, 'PermissionDenied', 'permission_denied'), (8, 'ResourceExhausted', 'resource_exhausted'),
    (9, 'FailedPrecondition', 'failed_precondition'), (10, 'Aborted', 'aborted'), (11, 'OutOfRange', 'out_of_range'),
    (12, 'Unimplemented', 'unimplemented'), (13, 'Internal', 'internal'), (14, 'Unavailable', 'unavailable'),
    (15, 'DataLoss', 'data_loss'), (16, 'Unauthenticated', 'unauthenticated')) AS g(n, code, py) ORDER BY n;

-- a code is one only where codes stand, and whole
SELECT e AS error, said(s, e), s
  FROM (VALUES
    (1, '{"error":{"type":"invalid_request_error","message":"unknown event rate_limit_error"}}', 400),
    (2, '{"error":{"type":"invalid_request_error","message":"got {\"type\":\"overloaded_error\"}"}}', 400),
    (3, '{"error":{"type":"invalid_request_error","message":"got {''type'': ''overloaded_error''}"}}', 400),
    (4, 'no_overloaded_error', NULL), (5, 'overloaded_errors', NULL), (6, 'NotAThrottlingException', NULL), (7, 'ThrottlingExceptions', 400),
    (8, 'insufficient_quota_policy is not a column', 400), (9, 'the service is unavailable to you', 403), (10, 'internal: x', NULL),
    (11, 'The function is overloaded', 404), (12, 'Aborted by the referee', NULL), (13, '{"state":"UNAVAILABLE"}', NULL),
    (14, 'rate_limit_exceeded.example.com does not resolve to a policy', 400)
  ) AS f(n, e, s) ORDER BY n;

-- Quota and throttles ---------------------------------------------------------
SELECT e AS error, said(s, e, h), s AS status, h AS header
  FROM (VALUES
    -- a wait hint makes a 429 a throttle, whatever the words; without one they count
    (1, 'You exceeded your current quota, please check your plan and billing details.', 429, NULL),
    (2, 'You exceeded your current quota, please check your plan and billing details.', 429, '38'),
    (3, 'You exceeded your current quota, please check your plan and billing details. Please retry in 38.2s.', 429, NULL),
    (4, '{"error":{"code":429,"message":"You exceeded your current quota","details":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},{"retryDelay":"38s"}]}}', NULL, NULL),
    (5, '{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}', 429, NULL),
    (6, '{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}', 429, E'x-ratelimit-remaining-requests: 9\nx-ratelimit-reset-requests: 6ms'),
    (7, 'Payment required', 402, '5'),
    (8, 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing', 400, NULL),
    (9, 'This request requires more credits, or fewer max_tokens', 402, NULL),
    -- by day or month: come back later, not earlier than an hour
    (10, '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},{"retryDelay":"38s"}]}}', 429, NULL),
    (11, '{"error":{"code":429,"message":"You exceeded your current quota","details":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},{"retryDelay":"38s"}]}}', 429, NULL),
    (12, 'Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_day_per_project', 429, NULL),
    (13, 'Rate limit reached for gpt-4 on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.', 429, NULL),
    (14, 'You have exhausted your capacity on this model. Your quota will reset after 12h33m20s.', 429, NULL),
    (15, 'Rate limit exceeded: free-models-per-day', 429, NULL),
    (16, 'Rate limit reached for gpt-4 on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.', 429, NULL),
    (17, 'Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project', 429, NULL),
    (18, 'birthday per dayroom', 429, NULL),
    -- larger than the limit itself
    (20, 'Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 41000. rate_limit_exceeded', 429, NULL),
    (21, 'Rate limit reached on tokens per min (TPM): Limit 30000, Requested 41000. Please try again in 22s', 429, '22'),
    (22, 'Rate limit reached on tokens per min (TPM): Limit 30,000, Used 29,000, Requested 4,100. Please try again in 6s', 429, NULL),
    (23, 'Rate limit reached. Limit: 90000 / min. Current: 91000 / min.', 429, NULL),
    (24, 'prompt is too long: 205000 tokens > 200000 maximum', 400, NULL),
    -- GitHub: 403
    (30, 'You have exceeded a secondary rate limit.', 403, '60'), (31, 'You have exceeded a secondary rate limit.', 403, NULL),
    (32, 'API rate limit exceeded for user ID 1.', 403, E'x-ratelimit-remaining: 0\nx-ratelimit-reset: 30'),
    (33, NULL, 403, '60'), (34, NULL, 403, E'x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 30'),
    (35, 'Forbidden', 403, NULL), (36, 'Forbidden', 403, E'x-ratelimit-remaining: 17\nx-ratelimit-reset: 30'), (37, 'Not here', 404, '60'),
    -- bare words decide nothing
    (40, 'connect ECONNREFUSED billing.internal:8443', NULL, NULL), (41, 'billing address is missing', 400, NULL), (42, 'no such quota', 404, NULL),
    (43, 'quota', NULL, NULL), (44, 'the billing service is down', 500, NULL), (45, 'GET https://quota.example.com/v1: unexpected EOF', NULL, NULL),
    (46, 'relation "insufficient credits" does not exist', 404, NULL)
  ) AS f(n, e, s, h) ORDER BY n;

-- Transport, no status ---------------------------------------------------------
-- each is worth a retry; the names are those that clients print
SELECT said(NULL, e), count(*), string_agg(e, ' | ') FILTER (WHERE said(NULL, e) <> 'retry retryable_error') AS wrong
  FROM unnest(ARRAY[
    'TypeError: fetch failed', 'Uncaught TypeError: Failed to fetch', 'TypeError: NetworkError when attempting to fetch resource.', 'TypeError: Load failed', 'TypeError: terminated', 'TypeError: network error',
    'TypeError: fetch failed [cause: Error: connect ECONNREFUSED 127.0.0.1:1]',
    'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET', 'SocketError: other side closed', 'ConnectTimeoutError: Connect Timeout Error', 'HeadersTimeoutError: Headers Timeout Error',
    'Error: read ECONNRESET', 'Error: connect ETIMEDOUT 10.0.0.1:443', 'Error: getaddrinfo ENOTFOUND api.example.com', 'Error: getaddrinfo EAI_AGAIN api.example.com', 'Error: socket hang up', 'write EPIPE', 'Error: Premature close', 'FetchError: network timeout at: https://x.test/', 'AxiosError: timeout of 1000ms exceeded', 'AxiosError: Network Error',
    'Client network socket disconnected before secure TLS connection was established', 'page.goto: net::ERR_CONNECTION_RESET at https://x.test/', 'net::ERR_NAME_NOT_RESOLVED',
    'httpx.ConnectError: [Errno -2] Name or service not known', 'httpx.ConnectTimeout', 'httpx.ReadTimeout: The read operation timed out', 'httpx.WriteTimeout', 'httpx.PoolTimeout', 'httpx.ReadError', 'httpx.RemoteProtocolError: peer closed connection without sending complete message body', 'httpcore.ReadError',
    'requests.exceptions.ConnectionError: (''Connection aborted.'', RemoteDisconnected(''Remote end closed connection without response''))',
    'requests.exceptions.ReadTimeout: HTTPSConnectionPool(host=''x.test'', port=443): Read timed out. (read timeout=5)', 'requests.exceptions.ChunkedEncodingError', 'requests.exceptions.SSLError: x', 'urllib3.exceptions.ProtocolError', 'urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host=''x.test'', port=443): Max retries exceeded with url: /', 'urllib3.exceptions.IncompleteRead', 'urllib3.exceptions.NewConnectionError: Failed to establish a new connection',
    'http.client.RemoteDisconnected', 'ConnectionResetError: [Errno 104] Connection reset by peer', 'BrokenPipeError: [Errno 32] Broken pipe', 'socket.gaierror: [Errno -3] Temporary failure in name resolution', 'TimeoutError', 'asyncio.exceptions.TimeoutError', 'OSError: [Errno 101] Network is unreachable',
    'aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected', 'aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host x.test:443 ssl:default', 'aiohttp.ClientPayloadError: Response payload is not completed', 'aiohttp.ServerTimeoutError', 'aiohttp.ClientOSError: [Errno 104]',
    'openai.APIConnectionError: Connection error.', 'anthropic.APITimeoutError: Request timed out.', 'APIConnectionTimeoutError: Request timed out.',
    'Post "https://x.test/": EOF', 'EOF', 'unexpected EOF', 'dial tcp: lookup x.test: no such host', 'dial tcp 10.0.0.1:443: i/o timeout', 'dial tcp 10.0.0.1:443: connect: connection refused', 'net/http: TLS handshake timeout', 'context deadline exceeded', 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)', 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)', 'http: server closed idle connection', 'http2: server sent GOAWAY and closed the connection', 'stream error: stream ID 1; INTERNAL_ERROR; received from peer', 'read: connection reset by peer', 'http2: timeout awaiting response headers',
    'rpc error: code = Unavailable desc = transport is closing', 'failed to connect to all addresses', 'Received RST_STREAM with error code 2',
    'java.net.SocketTimeoutException', 'java.net.SocketTimeoutException: Connect timed out', 'java.net.ConnectException: Connection refused', 'java.net.UnknownHostException: x.test', 'java.net.SocketException: Connection reset', 'java.net.http.HttpTimeoutException: request timed out', 'java.net.http.HttpConnectTimeoutException', 'javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake', 'org.apache.http.NoHttpResponseException: x.test:443 failed to respond', 'java.io.EOFException', 'java.io.InterruptedIOException: timeout', 'okhttp3.internal.http2.StreamResetException: stream was reset: CANCEL', 'java.io.IOException: unexpected end of stream', 'io.netty.handler.timeout.ReadTimeoutException',
    'curl: (6) Could not resolve host: x.test', 'curl: (7) Failed to connect to x.test port 443: Connection refused', 'curl: (18) transfer closed with outstanding read data remaining', 'curl: (28) Operation timed out after 5000 milliseconds with 0 bytes received', 'curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL', 'curl: (52) Empty reply from server', 'curl: (55) Send failure: Broken pipe', 'curl: (56) Recv failure: Connection reset by peer', 'curl: (92) HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)', 'cURL error 28: Operation timed out', 'CURLE_COULDNT_CONNECT',
    'System.Net.Http.HttpRequestException: An error occurred while sending the request.', 'System.Net.Http.HttpIOException: The response ended prematurely. (ResponseEnded)', 'HttpRequestException: No such host is known. (x.test:443)', 'System.Threading.Tasks.TaskCanceledException: The request was canceled due to the configured HttpClient.Timeout of 100 seconds elapsing.', 'System.TimeoutException: The operation has timed out.', 'System.IO.IOException: Unable to read data from the transport connection: Connection reset by peer.', 'No connection could be made because the target machine actively refused it.',
    'DOMException [TimeoutError]: The operation was aborted due to timeout', 'TimeoutError: The operation was aborted due to timeout', 'McpError: MCP error -32001: Request timed out', 'MCP error -32000: Connection closed', 'reqwest::Error: error sending request for url (https://x.test/)', 'hyper::Error(IncompleteMessage)', 'Net::ReadTimeout with #<TCPSocket:(closed)>', 'org.springframework.web.client.ResourceAccessException: I/O error on GET request',
    '{"name":"TypeError","message":"fetch failed","cause":{"code":"ECONNREFUSED"}}', '{"code":"ECONNRESET"}',
    'Timeout', 'timeout', 'Timeout 30000ms exceeded.', '{"error":"timeout"}'
  ]) AS e GROUP BY 1 ORDER BY 1;

-- none of these is
SELECT said(NULL, e), string_agg(e, E'\n' ORDER BY n) AS errors
  FROM unnest(ARRAY[
    'TypeError: Cannot read properties of undefined (reading ''timeout'')', 'TypeError: x.fetch failed is not a function', 'TypeError [ERR_INVALID_ARG_TYPE]: The "host" argument must be of type string', 'AttributeError: ''NoneType'' object has no attribute ''timeout''', 'KeyError: ''ECONNRESET''', 'ValueError: timed out must be a boolean', 'IndexError: list index out of range',
    E'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    sock.recv(timeout)\nKeyError: ''ReadTimeout''',
    'java.lang.NullPointerException: Cannot invoke "Timeout.get()"', 'System.NullReferenceException: Object reference not set', 'Exception in thread "main" java.lang.NullPointerException', 'panic: runtime error: invalid memory address or nil pointer dereference', 'pydantic_core._pydantic_core.ValidationError: 1 validation error for Args', 'TypeError: f() got an unexpected keyword argument ''timeout''',
    'timeout must be positive', 'Invalid timeout', 'notimeout', 'timeout_ms is required', 'request-timeout-policy is missing', 'EPIPELINE', 'ECONNRESETTING', 'MyConnectErrorHandler was not found', 'SocketTimeoutExceptions are rare', 'unexpected EOFX', 'GEOF', 'no connection resets',
    'x509: certificate signed by unknown authority', 'ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed', 'TypeError: fetch failed [cause: Error: certificate has expired CERT_HAS_EXPIRED]', 'curl: (60) SSL certificate problem', 'curl: (3) URL using bad/illegal format', 'unsupported protocol scheme ""', 'httpx.UnsupportedProtocol: Request URL is missing', 'requests.exceptions.MissingSchema', 'curl: (670) x',
    'openai.BadRequestError: x', 'anthropic.AuthenticationError: x', 'MCP error -32602: Invalid params', 'MCP error -32603: Internal error', 'something odd', ''
  ]) WITH ORDINALITY AS u(e, n) GROUP BY 1 ORDER BY 1;
-- words of a network count only where there was no answer
SELECT s, said(s, 'read ECONNRESET, timed out, unexpected EOF') FROM unnest('{200, 302, 400, 404}'::int[]) AS s;

-- the status as clients write it, and what is none
SELECT e, said(NULL, e)
  FROM unnest(ARRAY['System.Net.Http.HttpRequestException: Response status code does not indicate success: 404 (Not Found).', 'System.Net.Http.HttpRequestException: Response status code does not indicate success: 500 (Internal Server Error).',
    'urllib.error.HTTPError: HTTP Error 404: Not Found', 'urllib.error.HTTPError: HTTP Error 500: Internal Server Error', 'aiohttp.client_exceptions.ClientResponseError: 401, message=''Unauthorized'', url=''https://x.test''',
    'RestError: not found. statusCode: 404', 'cohere.errors.TooManyRequestsError: status_code: 429, body: {}', E'ApiException: (403)\nReason: Forbidden', '<HttpError 502 when requesting https://x.test returned "Bad Gateway">',
    '[GoogleGenerativeAI Error]: Error fetching from https://x.test: [400 Bad Request] API key not valid.', '<html><head><title>503 Service Temporarily Unavailable</title></head></html>',
    'Exception in thread "main" java.lang.NullPointerException: timeout', 'botocore.exceptions.ParamValidationError: Parameter validation failed: Unknown parameter in input: "timeout"', 'json: cannot unmarshal string into Go struct field X.timeout of type int',
    'see [404] and [500 rows]', 'status_code is missing', 'does not indicate success: 40 of 404', 'line 404, message=x', 'HTTP Errors 404']) AS e;

-- Cancellations ----------------------------------------------------------------
SELECT said(s, e), count(*), string_agg(e, ' | ') FILTER (WHERE said(s, e) <> 'fail cancelled') AS wrong
  FROM (VALUES
    (499, NULL), (499, 'timed out'), (499, '{"error":{"type":"overloaded_error"}}'),
    (NULL, 'asyncio.exceptions.CancelledError'), (NULL, 'concurrent.futures._base.CancelledError'), (NULL, 'KeyboardInterrupt'), (NULL, 'AbortError: This operation was aborted'),
    (NULL, 'DOMException [AbortError]: This operation was aborted'), (NULL, 'AbortError: signal is aborted without reason'), (NULL, 'AbortError: The user aborted a request.'), (NULL, 'APIUserAbortError: Request was aborted.'),
    (NULL, 'CanceledError: canceled'), (NULL, 'ERR_CANCELED'), (NULL, 'context canceled'), (NULL, 'Get "https://x.test/": context canceled'), (NULL, 'net/http: request canceled'),
    (NULL, 'rpc error: code = Canceled desc = context canceled'), (NULL, 'Error: 1 CANCELLED: Call cancelled'), (NULL, 'StatusCode.CANCELLED'), (NULL, 'io.grpc.StatusRuntimeException: CANCELLED: x'),
    (NULL, 'System.OperationCanceledException: The operation was canceled.'), (NULL, 'System.Threading.Tasks.TaskCanceledException: A task was canceled.'), (NULL, 'java.util.concurrent.CancellationException'),
    (NULL, 'kotlinx.coroutines.JobCancellationException: Job was cancelled'), (NULL, 'java.lang.InterruptedException: sleep interrupted'), (NULL, 'UND_ERR_ABORTED'), (NULL, 'MCP error -32800: Request cancelled'),
    (NULL, 'curl: (42) Operation was aborted by an application callback'), (NULL, 'dial tcp: operation was canceled'), (NULL, 'Request aborted by user'), (NULL, 'starlette.requests.ClientDisconnect'), (NULL, '{"name":"AbortError","message":"This operation was aborted"}'), (200, 'CancelledError'), (NULL, 'ERROR: canceling statement due to user request'),
    (NULL, E'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    self._sock.recv(timeout)\nKeyboardInterrupt')
  ) AS f(s, e) GROUP BY 1 ORDER BY 1;
-- no cancellations: time limits, other words, and what another side says of itself
SELECT e AS error, s AS status, said(s, e)
  FROM (VALUES
    (1, NULL, 'TimeoutError: The operation was aborted due to timeout'), (2, NULL, 'asyncio.exceptions.TimeoutError'),
    (3, NULL, E'Traceback (most recent call last):\nasyncio.exceptions.CancelledError\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\nTimeoutError'),
    (4, NULL, 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)'),
    (5, NULL, 'the order was cancelled'), (6, NULL, 'cancelled'), (7, NULL, 'CancelledErrors'), (8, NULL, 'context cancel'), (9, 400, 'CancelledError'), (10, 500, 'context canceled'),
    (11, 404, 'KeyboardInterrupt'), (12, NULL, 'KeyError: ''AbortError'''), (13, NULL, 'ECONNABORTED'), (14, NULL, 'transaction aborted')
  ) AS f(n, s, e) ORDER BY n;

-- Open or not ----------------------------------------------------------------------
-- a tool that must not run twice: what may have been done closes the key (open), what was not done leaves it usable (shut)
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0 AS allowed, agentcore.agent_set('a', 'p'), agentcore.tool_set('pay', '{"type": "object"}');
SET client_min_messages = error;
CREATE FUNCTION outcome(status int, error text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  k text := gen_random_uuid();
  c uuid;
BEGIN
  SELECT call_id INTO STRICT c FROM agentcore.call_begin('a', 'pay', '{}', key => k);
  PERFORM agentcore.call_fail(c, status, error);
  RETURN CASE (SELECT reason FROM agentcore.call_begin('a', 'pay', '{}', key => k)) WHEN 'outcome_unknown' THEN 'open' ELSE 'shut' END;
END $$;
SELECT outcome(s, NULL), string_agg(s::text, ' ' ORDER BY s) AS statuses
  FROM unnest('{302, 400, 401, 402, 403, 404, 408, 409, 425, 429, 499, 500, 501, 502, 503, 504, 505, 507, 511, 520, 522, 524, 529, 599}'::int[]) AS s GROUP BY 1 ORDER BY 1;
SELECT outcome(s, e), s AS status, string_agg(coalesce(e, ''), E'\n' ORDER BY n) AS errors
  FROM (VALUES
    -- before anything was sent: DNS, a refused connection, a connect timeout, TLS
    (1, NULL, 'Error: getaddrinfo ENOTFOUND x.test'), (2, NULL, 'connect ECONNREFUSED 127.0.0.1:1'), (3, NULL, 'UND_ERR_CONNECT_TIMEOUT'), (4, NULL, 'TypeError: fetch failed [cause: ConnectTimeoutError: Connect Timeout Error]'),
    (5, NULL, 'dial tcp 10.0.0.1:443: i/o timeout'), (6, NULL, 'net/http: TLS handshake timeout'), (7, NULL, 'java.net.SocketTimeoutException: Connect timed out'), (8, NULL, 'curl: (6) Could not resolve host: x.test'), (9, NULL, 'curl: (35) SSL connect error'),
    (10, NULL, 'requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host=''x'', port=443): Max retries exceeded with url: / (Caused by ConnectTimeoutError(''Connection to x timed out. (connect timeout=5)''))'),
    (11, NULL, 'requests.exceptions.ConnectionError: Max retries exceeded with url: / (Caused by NewConnectionError(''Failed to establish a new connection: [Errno 111] Connection refused''))'),
    (12, NULL, 'httpx.ConnectError: [Errno -2] Name or service not known'), (13, NULL, 'aiohttp.ClientConnectorError: Cannot connect to host x:443'), (14, NULL, 'x509: certificate signed by unknown authority'),
    (15, NULL, 'HttpRequestException: No such host is known.'), (16, NULL, 'curl: (28) Connection timed out after 5001 milliseconds'), (17, NULL, 'Client network socket disconnected before secure TLS connection was established ECONNRESET'),
    (18, NULL, 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)'), (19, NULL, 'connect ETIMEDOUT 10.0.0.1:443'),
    (30, NULL, 'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.1:443: connect: connection refused"'), (31, NULL, 'Error: 14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1'),
    (32, NULL, E'<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n\tdetails = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused"'),
    (33, NULL, 'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "https://x.test/"'), (34, NULL, 'requests.exceptions.ProxyError: Max retries exceeded with url: / (Caused by ProxyError(''Unable to connect to proxy'', OSError(''Tunnel connection failed: 407 Proxy Authentication Required'')))'),
    -- the other side refused it
    (20, NULL, '{"type":"error","error":{"type":"overloaded_error"}}'), (21, 200, '{"type":"error","error":{"type":"overloaded_error"}}'), (22, 500, 'ThrottlingException'), (23, NULL, 'AxiosError: Request failed with status code 503'), (24, NULL, 'openai.BadRequestError: x'),
    (25, NULL, 'rpc error: code = ResourceExhausted desc = x'), (26, NULL, 'rpc error: code = InvalidArgument desc = x'), (27, 429, 'insufficient_quota'), (28, NULL, 'MCP error -32602: Invalid params'), (29, 200, 'MCP error -32602: Invalid params'),
    -- under way
    (40, NULL, 'TypeError: fetch failed'), (41, NULL, 'TypeError: fetch failed [cause: Error: read ECONNRESET]'), (42, NULL, 'read ECONNRESET'), (43, NULL, 'httpx.ReadTimeout'), (44, NULL, 'java.net.SocketTimeoutException: Read timed out'), (45, NULL, 'unexpected EOF'),
    (46, NULL, 'context deadline exceeded'), (47, NULL, 'curl: (52) Empty reply from server'), (48, NULL, 'rpc error: code = Unavailable desc = transport is closing'), (49, NULL, 'requests.exceptions.ConnectionError: (''Connection aborted.'', RemoteDisconnected(''x''))'),
    (50, NULL, 'urllib3.exceptions.MaxRetryError: Max retries exceeded with url: /'), (51, NULL, 'ssl.SSLError: EOF occurred in violation of protocol'), (52, NULL, 'ConnectError: [unavailable] x'), (53, NULL, 'curl: (28) Operation timed out after 5000 milliseconds'),
    (54, NULL, 'Error: 14 UNAVAILABLE: read ECONNRESET'), (55, NULL, 'botocore.exceptions.ConnectionClosedError: Connection was closed before we received a valid response from endpoint URL: "https://x.test/".'), (56, NULL, 'java.io.IOException: HTTP/1.1 header parser received no bytes'),
    -- a server tells of what is behind it
    (57, NULL, 'StatusCode.UNAVAILABLE details = "failed to connect to all addresses" debug_error_string = "UNKNOWN:Error received from peer {grpc_status:14}"'), (58, NULL, '{"code":"UNAVAILABLE","message":"upstream: connection refused"}'),
    -- both at once, a broken network behind an answer, a stream that ended in an error
    (60, NULL, 'read ECONNRESET, then connect ECONNREFUSED'), (61, 200, 'connect ECONNREFUSED 127.0.0.1:1'), (62, 500, 'connect ECONNREFUSED 127.0.0.1:1'), (63, 200, '{"type":"error","error":{"type":"api_error"}}'), (64, NULL, '{"error":{"type":"server_error"}}'),
    -- nobody knows: unknown errors, errors of one's own code, cancels
    (70, NULL, NULL), (71, NULL, 'something odd'), (72, 200, 'something odd'), (73, NULL, 'KeyError: ''id'''), (74, NULL, 'CancelledError'), (75, 499, NULL), (76, NULL, 'TimeoutError: The operation was aborted due to timeout')
  ) AS f(n, s, e) GROUP BY 1, 2 ORDER BY 1, 2;

-- Names of the sources, in both directions --------------------------------------
-- what no retry cures: the client, its arguments, certificates, an answer that is too large
SELECT said(NULL, e) AS said, outcome(NULL, e), string_agg(e, E'\n' ORDER BY n) AS errors
  FROM unnest(ARRAY['net::ERR_CERT_REVOKED', 'net::ERR_INVALID_URL at x', 'net::ERR_BLOCKED_BY_CLIENT', 'net::ERR_TOO_MANY_REDIRECTS', 'curl: (77) error setting certificate verify locations', 'curl: (43) A libcurl function was given a bad argument', 'cURL error 47: Maximum (50) redirects followed',
    'curl: (23) Failure writing output to destination', 'curl: (56) CONNECT tunnel failed, response 403', 'SSL certificate problem: self-signed certificate', 'httpx.StreamConsumed: Attempted to read or stream some content', 'httpx.TooManyRedirects: Exceeded maximum allowed redirects.', 'aiohttp.client_exceptions.InvalidUrlClientError: x', 'aiohttp.ClientConnectionError: Connector is closed',
    'requests.exceptions.InvalidProxyURL: x', 'urllib3.exceptions.URLSchemeUnknown: Not supported URL scheme x', 'requests.exceptions.StreamConsumedError', 'UND_ERR_MAX_ORIGINS_REACHED', 'InvalidArgumentError: invalid method', 'RequestContentLengthMismatchError: x', 'anthropic.RequestTooLargeError: x', 'openai.LengthFinishReasonError: x', 'google.api_core.exceptions.Unauthorized: x',
    'botocore.exceptions.NoRegionError: You must specify a region.', 'Error [ERR_INVALID_ARG_TYPE]: x', 'ERR_INVALID_PROTOCOL: x', 'rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5 vs. 4)', 'rpc error: code = ResourceExhausted desc = trying to send message larger than max (5 vs. 4)',
    'Error: 8 RESOURCE_EXHAUSTED: Attempted to send message with a size larger than 4', 'MCP error -32042: URL elicitation required', 'HttpRequestException: x (UserAuthenticationError)', 'ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number']) WITH ORDINALITY AS u(e, n) GROUP BY 1, 2 ORDER BY 1, 2;
-- worth a retry: before anything was sent (shut), and under way (open)
SELECT said(NULL, e) AS said, outcome(NULL, e), string_agg(e, E'\n' ORDER BY n) AS errors
  FROM unnest(ARRAY['net::ERR_NAME_RESOLUTION_FAILED', 'net::ERR_DNS_TIMED_OUT', 'net::ERR_HTTP2_SERVER_REFUSED_STREAM', 'net::ERR_QUIC_GOAWAY_REQUEST_CAN_BE_RETRIED', 'net::ERR_TEMPORARILY_THROTTLED', 'net::ERR_HTTP2_PING_FAILED', 'net::ERR_INVALID_CHUNKED_ENCODING', 'curl: (28) Resolving timed out after 5000 milliseconds', 'curl: (28) Connection timeout after 5001 ms',
    'curl: (89) The max connection limit is reached', 'curl: (56) Proxy CONNECT aborted', 'SSL connect error', 'Could not connect to server', 'curl: (8) Weird server reply', 'Failure when receiving data from the peer', 'curl: (92) HTTP/2 stream 1 was not closed cleanly', 'httpx.DecodingError: x', 'aiohttp.ClientSSLError: x', 'Connection timeout to host https://x.test',
    'urllib3.exceptions.NameResolutionError: Failed to resolve ''x.test''', 'urllib3.exceptions.EmptyPoolError: Pool is full', 'ProxyError(''Unable to connect to proxy'')', 'ResponseError(''too many 429 error responses'')', 'requests.exceptions.RetryError: ResponseError(''too many 503 error responses'')', 'ssl.SSLError: (''x'',)', 'ssl.SSLEOFError: x', 'socket.timeout: The handshake operation timed out',
    'UND_ERR_CLOSED', 'UND_ERR_DESTROYED', 'UND_ERR_SOCKS5', 'Parse Error: Expected HTTP/ HPE_INVALID_CONSTANT', 'getaddrinfo EAI_FAIL x.test', 'rpc error: code = Unavailable desc = the connection is draining', 'rpc error: code = Unavailable desc = all SubConns are in TransientFailure', 'rpc error: code = Unavailable desc = connection error: desc = "keepalive ping failed to receive ACK within timeout"',
    'Error: 14 UNAVAILABLE: Name resolution failed for target dns:x', 'http2: Transport received Server''s graceful shutdown GOAWAY', 'hyper::Error(IncompleteMessage)', 'error reading a body from connection', 'error sending request for url (https://x.test/): error resolving DNS', 'Net::WriteTimeout', 'Faraday::TimeoutError: x', 'HttpRequestException: The HTTP/2 server reset the stream. HTTP/2 error code ''INTERNAL_ERROR''', 'no healthy upstream',
    'IncompleteReadError: 5 read, but total bytes expected is 9.', 'anthropic.DeadlineExceededError: x', '{"error":{"type":"model_overloaded_error"}}', '{"error":{"type":"model_request_failed_error"}}', '{"error":{"code":"vector_store_timeout"}}']) WITH ORDINALITY AS u(e, n) GROUP BY 1, 2 ORDER BY 1, 2;
-- cancels, spent accounts
SELECT e, said(NULL, e) FROM unnest(ARRAY['net::ERR_ABORTED', 'Operation was aborted by an application callback', '{"error":{"status":"PERMISSION_DENIED","details":[{"reason":"BILLING_DISABLED"}]}}']) AS e;
-- near misses
SELECT said(NULL, e) AS said, string_agg(e, E'\n' ORDER BY n) AS errors
  FROM unnest(ARRAY['ERR_CERT_REVOKEDX', 'ERR_DNS', 'curl: (99', 'curl: (770) x', 'curl: 77', 'MyDecodingErrors', 'UND_ERR_SOCKS5X', 'HPE_INVALID', 'a message larger than max', 'the pool is draining', 'decoding error', 'no healthy upstreams', 'MCP error -32043: x', 'BadRequests: x', 'Forbidden fruit', 'x.StreamConsumer: y', 'DNS resolved', 'HTTP/2 streams', 'EAI_FAILED']) WITH ORDINALITY AS u(e, n) GROUP BY 1 ORDER BY 1;

RESET client_min_messages;
DROP FUNCTION outcome(int, text);

-- Long errors --------------------------------------------------------------------
-- the last line names the error, below a traceback of 100 kB and of 5 MB, whatever blanks follow
WITH traces AS (
  SELECT e, E'Traceback (most recent call last):\n' || repeat(E'  File "/usr/lib/python3/x/y.py", line 10, in f\n    return g(*args, timeout=timeout)\n', n) || e AS trace
    FROM (VALUES (1200), (60000)) AS sizes(n), (VALUES ('httpx.ReadTimeout: The read operation timed out'), ('httpx.ConnectError: refused'), ('KeyError: ''id'''), ('asyncio.exceptions.CancelledError'),
      ('openai.RateLimitError: Error code: 429 - {''error'': {''message'': ''Please try again in 7s'', ''code'': ''rate_limit_exceeded''}}'), ('openai.AuthenticationError: Error code: 401 - {''error'': {''code'': ''invalid_api_key''}}'),
      (E'pydantic.ValidationError: 1 validation error for X\na\n  Field required\n    For further information visit https://errors.pydantic.dev/2.5/v/missing'), ('google.api_core.exceptions.ServiceUnavailable: 503 busy'),
      ('RecursionError: maximum recursion depth exceeded'), ('x.Odd: something')) AS errors(e))
SELECT split_part(e, ':', 1) AS error, string_agg(length(trace) / 100000 || '00 kB', ', ' ORDER BY length(trace)) AS sizes, string_agg(DISTINCT said(NULL, trace), ' | ') AS said, string_agg(DISTINCT said(NULL, trace || repeat(E'\n', 9000)), ' | ') AS blanks FROM traces GROUP BY e ORDER BY e COLLATE "C";
-- elsewhere the first line names it, codes may stand at the end of a body, and what is in the middle does not count
SELECT n, what, said(NULL, f.left || repeat(filling, 100000 / length(filling)) || f.right) AS said
  FROM (VALUES
    (1, 'Java', 'java.net.ConnectException: Connection refused', E'\n\tat a.b.C.d(C.java:1)', ''),
    (2, 'Java, its cause', 'a.b.Odd: x', E'\n\tat a.b.C.d(C.java:1)', E'\nCaused by: java.net.ConnectException: Connection refused'),
    (3, 'a body', '{"error":{"message":"', 'words and ', '","type":"overloaded_error"}}'),
    (4, 'a hint', '{"error":{"message":"', 'words and ', '","retryDelay":"38s"}, "code": 429}'),
    (5, 'the middle', repeat('odd ', 4000) || 'overloaded_error', ' odd', ''),
    (6, 'one word', '', 'x', ''), (7, 'half a word', '', 'no', repeat('x', 4089) || 'timeout'), (8, 'a whole word', '', 'no', repeat('x', 4088) || ' timeout'),
    (9, 'Python says it below', E'KeyErrors:\nTraceback (most recent call last):\n', E'  File "a.py", line 1, in f\n    x()\n', 'TypeError: x'),
    (10, 'a name in a frame', E'Traceback (most recent call last):\n', E'  File "a.py", line 1, in f\n    KeyError: x\n', 'Odd: x')
  ) AS f(n, what, "left", filling, "right") ORDER BY n;
-- the frames of a traceback quote the program, not the error
SELECT n, said(NULL, e) AS said
  FROM (VALUES
    (1, E'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    raise TimeoutError if timeout else Odd  # connection reset\n    ^^^^^^^^^^^^^^\n  [Previous line repeated 9 more times: timeout]\nx.Odd: something'),
    (2, E'Odd: something\n    at f (/srv/timeout/a.js:1:2)\n    at connection timeout (a.js:3:4)\n    at timeout a.js:5'),
    (3, E'x.Odd: something\n   at A.B.C(TimeSpan timeout, CancellationToken t) in /a.cs:line 3\n--- End of stack trace'),
    (4, E'  + Exception Group Traceback (most recent call last):\n  |   File "a.py", line 1, in f\n  |     recv(timeout)\n  | ExceptionGroup: x (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | x.Odd: 1'),
    -- what is no frame stays
    (5, E'Odd: something\n  at capacity'), (6, E'Odd:\n  connect timeout'), (7, E'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    f()\nx.Odd: one\n    timeout'), (8, E'Error: x\n    at f (a.js:1:2) {\n  code: ''ECONNRESET''\n}')
  ) AS f(n, e) ORDER BY n;
-- short and long texts at the size of the excerpt, and a policy's own rule
SELECT said(NULL, 'odd' || repeat(E'\n', n) || 'overloaded_error') AS said, count(*) FROM generate_series(16300, 16500) AS n GROUP BY 1;
SELECT agentcore.retry_policy_set('mine', rules => '[{"error": "lock wait", "class": "throttle"}]');
SELECT (agentcore.retry_next(1, error => repeat('odd ', 50000) || 'lock wait', retry_policy => 'mine')).reason;

-- The rules can be read ---------------------------------------------------------
SELECT count(*) > 500 AS many, count(DISTINCT n) = count(*) AS numbered, bool_and(source <> '' AND (as_of > '2026-01-01' OR as_of IS NULL)) AS sourced,
       bool_and(class IN ('retry', 'throttle', 'fatal', 'quota', 'cancelled')) AS classes, bool_and(last_status BETWEEN coalesce(first_status, 0) AND 999) AS ranges,
       bool_and((text IS NULL) = (match = 'status')) AS texts FROM agentcore.retry_rules();
-- which of them were compared with their source, and which not
SELECT source, bool_and(as_of IS NOT NULL) AS compared FROM agentcore.retry_rules() GROUP BY source ORDER BY source COLLATE "C";
-- no rule stands behind another that has the same words
SELECT match, lower(text), count(*) FROM agentcore.retry_rules() WHERE text IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1;
-- each rule's words lead to its class, if nothing else is said
SELECT r.n, r.match, r.text, r.class, said(r.first_status, r.text)
  FROM agentcore.retry_rules() AS r
 WHERE r.match IN ('code', 'phrase', 'text', 'name') AND r.text NOT LIKE '-%' AND r.text <> 'dailyLimitExceeded'
   AND split_part(said(r.first_status, CASE r.match WHEN 'name' THEN r.text || ': x' ELSE r.text END), ' ', 2)
       <> CASE r.class WHEN 'retry' THEN 'retryable_error' WHEN 'throttle' THEN 'retryable_error' WHEN 'fatal' THEN 'fatal_error' ELSE r.class END
 ORDER BY 1;
-- whether a class is open: never a throttle or a spent quota, always a cancel
SELECT class, open, count(*) > 0 AS some FROM agentcore.retry_rules() WHERE class <> 'retry' AND class <> 'fatal' GROUP BY 1, 2 ORDER BY 1, 2;
-- everybody may read them
CREATE ROLE regress_retry_reader;
SET ROLE regress_retry_reader;
SELECT count(*) > 500 FROM agentcore.retry_rules();
RESET ROLE;
DROP ROLE regress_retry_reader;
DROP FUNCTION said(int, text, text);
