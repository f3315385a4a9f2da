"""The SQL of the gate.  Every value goes as text, with its cast here, and comes as text or a whole number: that is the same in every driver."""
import re
import typing

_VERDICT = ("verdict, call_id::text, args::text, result::text, reason, detail, errors::text, feedback, attempt, enforced, want_result,"
            " approval::text, retry_after_ms, denied_by, model")

CALL_BEGIN = f"""SELECT {_VERDICT} FROM agentcore.call_begin(%(agent)s::text, %(tool)s::text, args_text => %(args)s::text,
 est_tokens => %(est_tokens)s::text::bigint, est_usd => %(est_usd)s::text::numeric, key => %(key)s::text, task => %(task)s::text,
 subject => %(subject)s::text, budgets => %(budgets)s::text[], lease => %(lease)s::text::interval, holder => %(holder)s::text,
 labels => %(labels)s::text::jsonb, trace => %(trace)s::text, tenant => %(tenant)s::text)"""
CALL_BEGIN_MANY = f"""SELECT {_VERDICT} FROM agentcore.call_begin_many(%(agent)s::text, %(calls)s::text::jsonb, task => %(task)s::text,
 subject => %(subject)s::text, budgets => %(budgets)s::text[], lease => %(lease)s::text::interval, holder => %(holder)s::text,
 labels => %(labels)s::text::jsonb, trace => %(trace)s::text, tenant => %(tenant)s::text)"""
LLM_BEGIN = f"""SELECT {_VERDICT} FROM agentcore.llm_begin(%(agent)s::text, %(model)s::text, %(input_tokens)s::text::bigint,
 %(max_output_tokens)s::text::bigint, key => %(key)s::text, task => %(task)s::text, subject => %(subject)s::text, lease => %(lease)s::text::interval,
 service_tier => %(service_tier)s::text, fees => %(fees)s::text::jsonb, holder => %(holder)s::text, labels => %(labels)s::text::jsonb,
 budgets => %(budgets)s::text[], fallback => %(fallback)s::text[], trace => %(trace)s::text, tenant => %(tenant)s::text)"""
LLM_COMMIT = """SELECT agentcore.llm_commit(%(call_id)s::text::uuid, usage => %(usage)s::text::jsonb, tokens => %(tokens)s::text::bigint,
 usd => %(usd)s::text::numeric, result_text => %(result)s::text,
 tenant => %(tenant)s::text) AS outcome"""
CALL_COMMIT = """SELECT agentcore.call_commit(%(call_id)s::text::uuid, result_text => %(result)s::text, tokens => %(tokens)s::text::bigint,
 usd => %(usd)s::text::numeric, tenant => %(tenant)s::text) AS outcome"""
CALL_FAIL = """SELECT action, reason, delay_ms, at::text FROM agentcore.call_fail(%(call_id)s::text::uuid, status => %(status)s::text::integer,
 error => %(error)s::text, retry_after_header => %(retry_after)s::text, tokens => %(tokens)s::text::bigint, usd => %(usd)s::text::numeric,
 usage => %(usage)s::text::jsonb, tenant => %(tenant)s::text)"""
CALL_RELEASE = "SELECT agentcore.call_release(%(call_id)s::text::uuid, tenant => %(tenant)s::text) AS outcome"
TOOLS_FOR = "SELECT agentcore.tools_for(%(agent)s::text, %(format)s::text, %(strict)s::text::boolean, tenant => %(tenant)s::text)::text AS tools"
CALL_EXTEND = "SELECT agentcore.call_extend(%(call_id)s::text::uuid, %(lease)s::text::interval, tenant => %(tenant)s::text) AS outcome"

Parameters = typing.Mapping[str, typing.Any]
Row = typing.Dict[str, typing.Any]


def name_of(sql: str) -> str:
    """The function that the statement calls."""
    return sql.split("agentcore.", 1)[1].split("(", 1)[0]


def numbered(sql: str, parameters: Parameters) -> typing.Tuple[str, typing.List[typing.Any]]:
    """The statement with $1, $2 and so on, for drivers that know no names."""
    values: typing.List[typing.Any] = []

    def number(match: "re.Match[str]") -> str:
        values.append(parameters[match.group(1)])
        return f"${len(values)}"

    return re.sub(r"%\((\w+)\)s", number, sql), values
