// A tool input guardrail of the OpenAI Agents SDK, which asks the gate what it would say.
import { defineToolInputGuardrail, ToolGuardrailFunctionOutputFactory as Output } from '@openai/agents-core';
import type { Gate } from 'agentcore';

const EXPLAIN = `SELECT verdict, reason, detail FROM agentcore.call_explain(:agent::text, :tool::text, args_text => :args::text, key => :key::text,
  tenant => :tenant::text) WHERE verdict IN ('cached', 'wait', 'deny') LIMIT 1`;
const FEEDBACK = 'SELECT agentcore.args_feedback(:tool::text, :args::text::jsonb, :tenant::text) AS feedback';

/** For gatedTool(gate, { inputGuardrails: [toolGuardrail(gate, agent)] }).  It holds nothing and charges nothing: the wrapped tool enforces. */
export function toolGuardrail(gate: Gate, agent: string, { tenant }: { tenant?: string } = {}) {
	return defineToolInputGuardrail({
		name: 'agentcore',
		run: async ({ toolCall: { name, callId, arguments: args } }) => {
			const asked = { tool: name, args, ...(tenant === undefined ? {} : { tenant }) };
			const [row] = await gate.ask(EXPLAIN, { ...asked, agent, key: callId });
			if (row?.['verdict'] !== 'deny') return Output.allow();
			const { reason, detail } = row;
			// arguments that are no JSON have no more to be said of them
			const [said] = reason === 'invalid_args' ? await gate.ask(FEEDBACK, asked).catch(() => []) : [];
			return Output.rejectContent(said?.['feedback'] || `"${name}" may not be called: ${detail ? `${reason}, ${detail}` : reason}.`, { reason, detail });
		},
	});
}
