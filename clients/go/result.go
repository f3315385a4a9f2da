package agentcore

import "encoding/json"

// Result is what became of a call.
type Result struct {
	// OK: Value is the tool's answer, or what was kept of it.  Else Content says why not, in words for the model.
	OK    bool
	Value any
	// run, cached, wait (patience ended), deny, open (run without the gate), unavailable (of Many).
	Verdict string
	// The gate's, or, after the tool failed, the reason of call_fail()'s advice and the tool's words.
	Reason   string
	Feedback string
	Detail   string
	Errors   json.RawMessage
	Tool     string
	// Of Many: the provider's, for the answer to it.
	ID       string
	CallID   string
	Args     json.RawMessage
	Approval string
	Model    string
	// How often the tool was run for this call, here; and what was waited for, by reason.
	Attempts int
	Waits    map[string]int
	// The tool's error, where it failed for good.
	Err    error
	Advice string
	// committed, replayed, late, conflict, failed, released; empty: not known.
	Settled string
	// False: the policy only watches; it would have refused the call for the reason Audit.
	Enforced bool
	Audit    string
}

// Cached says that nothing was run: the answer was kept.
func (r *Result) Cached() bool { return r.Verdict == "cached" }

// Content is the tool result that a model reads.
func (r *Result) Content() string {
	if !r.OK {
		for _, words := range []string{r.Feedback, r.Reason} {
			if words != "" {
				return words
			}
		}
		return r.Verdict
	}
	if r.Value == nil && r.Cached() {
		return "The call was made before; its result was not kept."
	}
	text, isText := r.Value.(string)
	if !isText {
		text = toJSON(r.Value)
	}
	if r.Feedback != "" { // a person may have corrected the arguments
		text += "\n\n" + r.Feedback
	}
	return text
}

// Decode puts the value into what `into` points to, as json.Unmarshal does.
func (r *Result) Decode(into any) error {
	return json.Unmarshal([]byte(toJSON(r.Value)), into)
}

// cached, wait and deny
func ofRow(row Row) *Result {
	result := &Result{
		OK: row.text("verdict") == "cached", Verdict: row.text("verdict"), Reason: row.text("reason"), Feedback: row.text("feedback"),
		Detail: row.text("detail"), Errors: raw(row["errors"]), CallID: row.text("call_id"), Args: raw(row["args"]),
		Approval: row.text("approval"), Model: row.text("model"), Enforced: row.text("enforced") == "t",
	}
	result.Audit = audited(row)
	if result.OK && row["result"] != nil {
		_ = json.Unmarshal([]byte(*row["result"]), &result.Value)
	}
	return result
}

func audited(row Row) string {
	if row.text("enforced") == "t" {
		return ""
	}
	return row.text("reason")
}

func raw(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}
