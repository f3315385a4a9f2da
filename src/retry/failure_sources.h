/*
 * failure_sources.h
 *	  Where the built-in rules of failures come from.  Pure.
 */
#ifndef AGENTCORE_RETRY_FAILURE_SOURCES_H
#define AGENTCORE_RETRY_FAILURE_SOURCES_H

#include "retry/failure_rules.h"

extern const FailureSource source_http;
extern const FailureSource source_nginx;
extern const FailureSource source_anthropic;
extern const FailureSource source_openai;
extern const FailureSource source_google;
extern const FailureSource source_google_json;
extern const FailureSource source_bedrock;
extern const FailureSource source_aws;
extern const FailureSource source_azure;
extern const FailureSource source_github;
extern const FailureSource source_grpc;
extern const FailureSource source_mcp;
extern const FailureSource source_urllib3;
extern const FailureSource source_reports;
extern const FailureSource source_api_core;
extern const FailureSource source_undici;
extern const FailureSource source_fetch;
extern const FailureSource source_node;
extern const FailureSource source_chrome;
extern const FailureSource source_httpx;
extern const FailureSource source_requests;
extern const FailureSource source_python;
extern const FailureSource source_aiohttp;
extern const FailureSource source_sdk;
extern const FailureSource source_go;
extern const FailureSource source_java;
extern const FailureSource source_curl;
extern const FailureSource source_dotnet;
extern const FailureSource source_botocore;
extern const FailureSource source_postgres;
extern const FailureSource source_program;
extern const FailureSource source_envoy;
extern const FailureSource source_rust;
extern const FailureSource source_ruby;
extern const FailureSource source_posix;

#endif							/* AGENTCORE_RETRY_FAILURE_SOURCES_H */
