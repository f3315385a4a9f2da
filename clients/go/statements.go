package agentcore

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Row is one row of an answer: the text of each column by its name, nil for NULL.
type Row map[string]*string

func (r Row) text(name string) string {
	if r[name] == nil {
		return ""
	}
	return *r[name]
}

func (r Row) number(name string, without int) int {
	n, err := strconv.Atoi(r.text(name))
	if err != nil {
		return without
	}
	return n
}

func (r Row) runs() bool { return r.text("verdict") == "run" }

// The values of a statement by name; nil, or no entry, is NULL.
type parameters map[string]*string

// Every value goes as text, with its cast here, and comes as text.
type statement struct {
	text  string
	names []string
}

var named = regexp.MustCompile(`:?:[a-z_]+`)

// numbered makes $1, $2 and so on of :name; a :: is a cast.
func numbered(sql string) statement {
	var s statement
	s.text = named.ReplaceAllStringFunc(sql, func(found string) string {
		if strings.HasPrefix(found, "::") {
			return found
		}
		s.names = append(s.names, found[1:])
		return fmt.Sprintf("$%d", len(s.names))
	})
	return s
}

func (s statement) values(p parameters) []*string {
	values := make([]*string, len(s.names))
	for i, name := range s.names {
		values[i] = p[name]
	}
	return values
}

const verdict = `verdict, call_id, args, result, reason, detail, errors, feedback, attempt, enforced, approval, retry_after_ms, model`

var (
	callBegin = numbered(`SELECT ` + verdict + ` FROM agentcore.call_begin(:agent::text, :tool::text, args_text => :args::text,
 est_tokens => :est_tokens::text::bigint, est_usd => :est_usd::text::numeric, key => :key::text, task => :task::text,
 subject => :subject::text, budgets => :budgets::text::text[], lease => :lease::text::interval, holder => :holder::text,
 labels => :labels::text::jsonb, trace => :trace::text, tenant => :tenant::text)`)
	callBeginMany = numbered(`SELECT ` + verdict + ` FROM agentcore.call_begin_many(:agent::text, :calls::text::jsonb, task => :task::text,
 subject => :subject::text, budgets => :budgets::text::text[], lease => :lease::text::interval, holder => :holder::text,
 labels => :labels::text::jsonb, trace => :trace::text, tenant => :tenant::text)`)
	llmBegin = numbered(`SELECT ` + verdict + ` FROM agentcore.llm_begin(:agent::text, :model::text, :input_tokens::text::bigint,
 :max_output_tokens::text::bigint, key => :key::text, task => :task::text, subject => :subject::text, lease => :lease::text::interval,
 service_tier => :service_tier::text, fees => :fees::text::jsonb, holder => :holder::text, labels => :labels::text::jsonb,
 budgets => :budgets::text::text[], fallback => :fallback::text::text[], trace => :trace::text, tenant => :tenant::text)`)
	llmCommit = numbered(`SELECT agentcore.llm_commit(:call_id::text::uuid, usage => :usage::text::jsonb, tokens => :tokens::text::bigint,
 usd => :usd::text::numeric, result_text => :result::text, tenant => :tenant::text) AS outcome`)
	callCommit = numbered(`SELECT agentcore.call_commit(:call_id::text::uuid, result_text => :result::text, tokens => :tokens::text::bigint,
 usd => :usd::text::numeric, tenant => :tenant::text) AS outcome`)
	callFail = numbered(`SELECT action, reason, delay_ms FROM agentcore.call_fail(:call_id::text::uuid, status => :status::text::integer,
 error => :error::text, retry_after_header => :retry_after::text, usage => :usage::text::jsonb, tenant => :tenant::text)`)
	callRelease = numbered(`SELECT agentcore.call_release(:call_id::text::uuid, tenant => :tenant::text) AS outcome`)
	callExtend  = numbered(`SELECT agentcore.call_extend(:call_id::text::uuid, :lease::text::interval, tenant => :tenant::text) AS outcome`)
	toolsFor    = numbered(`SELECT agentcore.tools_for(:agent::text, :format::text, :strict::text::boolean, tenant => :tenant::text) AS tools`)
)

// The text, or NULL where it is empty.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func just(text string) *string { return &text }

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// An array of PostgreSQL as text; NULL where there is none.
func array(values []string) *string {
	if values == nil {
		return nil
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = `"` + quoting.Replace(clean(value)) + `"`
	}
	return just("{" + strings.Join(quoted, ",") + "}")
}
