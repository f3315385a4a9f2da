// A whole agent over OpenAI's form: loop.mjs URL MESSAGE, in libpq's environment, as the agent of AGENT.
import pg from 'pg';
import { Gate } from 'agentcore';

const [url, message] = process.argv.slice(2);
const post = async (path, body, { callId, key }) => {
	const headers = { 'x-call-id': callId, 'x-call-key': key };
	return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
};
const tools = { pay: (args, running) => post('/pay', args, running) };
const pool = new pg.Pool();

// the loop
const gate = new Gate(pool, { agent: process.env.AGENT }), messages = [{ role: 'user', content: message }];
for (;;) {
	const request = { model: 'fake', max_tokens: 200, messages, tools: await gate.tools() };
	const { value } = await gate.model(null, 'fake', request, (final, running) => post('/v1/chat/completions', final, running));
	const results = await gate.many(null, value, tools, { keyPrefix: message });
	messages.push(value.choices[0].message);
	messages.push(...results.map((result) => ({ role: 'tool', tool_call_id: result.id, content: result.content() })));
	if (results.length === 0) break;
}
// its end

console.log(messages.at(-1).content);
await pool.end();
