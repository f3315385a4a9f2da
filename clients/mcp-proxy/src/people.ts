// The person at the client: asked for an approval by the protocol's elicitation, where the client can and a voter is configured.
// The answer is a vote like any other, of the voter's role: whether it counts is the gate's business.  A program that answers in a person's place
// votes too, so a voter is configured only where the client shows the question to somebody.
import type { Gate } from 'agentcore';
import type { ElicitRequestFormParams, ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { Decisions } from './database.js';
import type { Log } from './upstream.js';

const REQUEST = `SELECT tool, agent, args::text, est_usd::text, state FROM agentcore.approvals WHERE id = :approval::text::uuid`;
const VOTE = `SELECT agentcore.call_approve(:approval::text::uuid, :approve::text::boolean, note => :note::text, voter => :voter::text, tenant => :tenant::text) AS state`;
const SHOWN = 4000; // characters of the arguments

const schema: ElicitRequestFormParams['requestedSchema'] = {
	type: 'object',
	properties: {
		decision: { type: 'string', title: 'Decision', enum: ['allow', 'refuse', 'leave it to others'] },
		note: { type: 'string', title: 'Note', description: 'Kept with the decision', maxLength: 1000 },
	},
	required: ['decision'],
};

/** Text that shows what it says: no controls, no characters that cannot be seen or turn the direction. */
export const visible = (text: string): string =>
	text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (hidden) => `\\u{${hidden.codePointAt(0)!.toString(16)}}`);

export class People {
	constructor(private readonly gate: Gate, private readonly voter: string | undefined, private readonly decisions: Decisions, private readonly log: Log) {}

	/** Asks, and votes as the answer says.  What goes wrong leaves the request to others. */
	async ask(approval: string, send: (params: ElicitRequestFormParams) => Promise<ElicitResult>): Promise<void> {
		try {
			const request = (await this.gate.ask(REQUEST, { approval }))[0];
			if (request?.['state'] !== 'pending') return;
			const args = visible(request['args'] ?? '{}');
			if (args.length > SHOWN) return this.log(`approval ${approval} has arguments of ${args.length} characters: it is left to others`);
			const cost = request['est_usd'] === null ? '' : ` It may cost ${request['est_usd']} USD.`;
			const message = `The agent ${visible(request['agent'])} wants to call ${visible(request['tool'])} with ${args}.${cost} May it? (approval ${approval})`;
			const { action, content } = await send({ mode: 'form', message, requestedSchema: schema });
			const decision = action === 'decline' ? 'refuse' : action === 'accept' ? content?.['decision'] : undefined;
			if (decision !== 'allow' && decision !== 'refuse') return;
			const note = typeof content?.['note'] === 'string' ? content['note'].slice(0, 1000) : null;
			const [row] = await this.gate.ask(VOTE, { approval, approve: String(decision === 'allow'), note, voter: this.voter ?? null });
			this.log(`approval ${approval}: the person at the client said ${decision}, it is ${row!['state']}`);
			this.decisions.made(approval, row!['state']);
		} catch (error) {
			this.log(`approval ${approval} is left to others: ${(error as Error).message}`);
		}
	}
}
