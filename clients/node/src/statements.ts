// The SQL of the gate.  Every value goes as text, with its cast here, and comes as text or a whole number: that is the same in every driver.

export type Parameters = Record<string, unknown>;
export type Row = Record<string, any>;

const VERDICT = `verdict, call_id::text, args::text, result::text, reason, detail, errors::text, feedback, attempt, enforced, want_result,
 approval::text, retry_after_ms::integer, denied_by, model`;

export const CALL_BEGIN = `SELECT ${VERDICT} FROM agentcore.call_begin(:agent::text, :tool::text, args_text => :args::text,
 est_tokens => :est_tokens::text::bigint, est_usd => :est_usd::text::numeric, key => :key::text, task => :task::text,
 subject => :subject::text, budgets => :budgets::text::text[], lease => :lease::text::interval, holder => :holder::text,
 labels => :labels::text::jsonb, trace => :trace::text, tenant => :tenant::text)`;
export const CALL_BEGIN_MANY = `SELECT ${VERDICT} FROM agentcore.call_begin_many(:agent::text, :calls::text::jsonb, task => :task::text,
 subject => :subject::text, budgets => :budgets::text::text[], lease => :lease::text::interval, holder => :holder::text,
 labels => :labels::text::jsonb, trace => :trace::text, tenant => :tenant::text)`;
export const LLM_BEGIN = `SELECT ${VERDICT} FROM agentcore.llm_begin(:agent::text, :model::text, :input_tokens::text::bigint,
 :max_output_tokens::text::bigint, key => :key::text, task => :task::text, subject => :subject::text, lease => :lease::text::interval,
 service_tier => :service_tier::text, fees => :fees::text::jsonb, holder => :holder::text, labels => :labels::text::jsonb,
 budgets => :budgets::text::text[], fallback => :fallback::text::text[], trace => :trace::text, tenant => :tenant::text)`;
export const LLM_COMMIT = `SELECT agentcore.llm_commit(:call_id::text::uuid, usage => :usage::text::jsonb, result_text => :result::text,
 tenant => :tenant::text) AS outcome`;
export const CALL_COMMIT = `SELECT agentcore.call_commit(:call_id::text::uuid, result_text => :result::text, tokens => :tokens::text::bigint,
 usd => :usd::text::numeric, tenant => :tenant::text) AS outcome`;
export const CALL_FAIL = `SELECT action, reason, delay_ms::integer, at::text FROM agentcore.call_fail(:call_id::text::uuid,
 status => :status::text::integer, error => :error::text, retry_after_header => :retry_after::text, usage => :usage::text::jsonb, tenant => :tenant::text)`;
export const CALL_RELEASE = 'SELECT agentcore.call_release(:call_id::text::uuid, tenant => :tenant::text) AS outcome';
export const CALL_STATUS = 'SELECT agentcore.call_status(:call_id::text::uuid, tenant => :tenant::text) AS status';
export const CALL_EXTEND = 'SELECT agentcore.call_extend(:call_id::text::uuid, :lease::text::interval, tenant => :tenant::text) AS outcome';
export const TOOLS_FOR = 'SELECT agentcore.tools_for(:agent::text, :format::text, :strict::text::boolean, tenant => :tenant::text)::text AS tools';
export const URL_CHECK = `SELECT allowed, reason, detail, url, host, port FROM agentcore.url_check(:policy::text, :url::text, :method::text,
 :tenant::text)`;
export const IP_CHECK = `SELECT allowed, reason, detail FROM agentcore.ip_check(:policy::text, :ips::text::inet[], :port::text::integer,
 :tenant::text)`;

/** The statement with $1, $2 and so on, and its values. */
export function numbered(sql: string, parameters: Parameters): [string, unknown[]] {
	const values: unknown[] = [];
	const text = sql.replace(/(?<!:):([a-z_]+)/g, (_, name: string) => {
		values.push(parameters[name] ?? null);
		return `$${values.length}`;
	});
	return [text, values];
}

/** An array of PostgreSQL as text. */
export function array(values: readonly string[] | undefined): string | null {
	return values === undefined ? null : `{${values.map((value) => `"${value.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}
