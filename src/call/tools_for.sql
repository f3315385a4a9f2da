-- call: what an agent may call, for its next request to a model.

CREATE FUNCTION agentcore.tools_for(agent text, format text, strict boolean DEFAULT false, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_tools_for_v1';
COMMENT ON FUNCTION agentcore.tools_for(text, text, boolean, text) IS
  'The tools that the agent may call, as the member tools of a request to a model: an array in the order of the names, [] for none. '
  'format: as of tool_export(); for gemini the array has one element with functionDeclarations, for bedrock it is toolConfig.tools, for mcp the tools of a tools/list result. '
  'Left out is what call_begin() would deny by the name alone: a tool that the policy does not allow, that is switched off, or that is held (tool_changed); all of them if the agent or the tenant is switched off. '
  'Where the agent is in audit mode the policy leaves nothing out; what is switched off or held is left out then too. '
  'A tool that the provider would refuse is left out with a WARNING, because it would take the whole request with it. '
  'strict: as of tool_export(). '
  'Unknown agent: 42704; one of another owner: 42501; unknown format, or one without a strict mode: 22023.';

INSERT INTO agentcore.access_function VALUES ('tools_for', 'agent');
