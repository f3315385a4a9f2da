package agentcore

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"
)

// Values on their way to the gate, and what an error says; no database.

type shy struct{}

func (shy) MarshalJSON() ([]byte, error) { panic("no") }

func TestWhatJSONCannotSay(t *testing.T) {
	itself := members{}
	itself["self"] = itself
	for _, one := range []struct {
		value    any
		expected string
	}{
		{nil, "null"}, {"a<b", `"a<b"`}, {"a\xffb", `"a\ufffdb"`}, {math.NaN(), "null"}, {[]any{math.Inf(1), 1}, "[null,1]"}, {[]byte("abc"), `"abc"`}, {[]byte{0xff, 0xfe}, `"//4="`},
		{members{"c": make(chan int), "n": 1}, `{"c":"chan int","n":1}`}, {errors.New("no"), `"no"`}, {json.RawMessage(`{"a": 1}`), `{"a":1}`}, {json.RawMessage(`{a`), `"{a"`},
		{shy{}, `"agentcore.shy"`}, {json.Number("12345678901234567890"), "12345678901234567890"}, {struct{ A int }{1}, `{"A":1}`},
	} {
		equal(t, toJSON(one.value), one.expected)
	}
	equal(t, len(toJSON(itself)) < 10000, true)
}

func TestHalfOfAnAnswerIsNone(t *testing.T) {
	equal(t, ofResult("xxxx", 6) == nil, false)
	equal(t, ofResult("xxxxx", 6) == nil, true)
}

func TestTextsForPostgreSQL(t *testing.T) {
	equal(t, *array([]string{`a"b\`, "c,d", ""}), `{"a\"b\\","c,d",""}`)
	equal(t, array(nil) == nil, true)
	s := numbered(`SELECT :a::text, :b, :a`)
	equal(t, []any{s.text, s.names}, []any{`SELECT $1::text, $2, $3`, []string{"a", "b", "a"}})
}

type libraryError struct {
	Code     int
	Response *http.Response
}

func (e *libraryError) Error() string { return "library" }

func TestWhatAnErrorSays(t *testing.T) {
	headers := http.Header{"Retry-After": {"7"}, "X-Ratelimit-Remaining": {"0"}, "Date": {"today"}}
	told := "retry-after: 7\nx-ratelimit-remaining: 0"
	for _, one := range []struct {
		err     error
		status  int
		headers string
	}{
		{&HTTPError{StatusCode: 503}, 503, ""}, {fmt.Errorf("fetching: %w", &HTTPError{StatusCode: 429, Header: headers}), 429, told},
		{&libraryError{Code: 404}, 404, ""}, {&libraryError{Code: 7}, 0, ""}, {&libraryError{Response: &http.Response{StatusCode: 502, Header: headers}}, 502, told},
		{errors.New("plain"), 0, ""},
	} {
		is := failed(one.err)
		equal(t, []any{is.status, is.retryAfter, is.words}, []any{one.status, one.headers, one.err.Error()})
	}
	long := make([]byte, 70000)
	for i := range long {
		long[i] = "\xc3\xa4"[i%2]
	}
	equal(t, len(failed(errors.New("x"+string(long))).words), 59999)
}

func TestWhichErrorsMayPass(t *testing.T) {
	for state, expected := range map[string][2]bool{"57P01": {true, true}, "08006": {true, true}, "25006": {true, true}, "40001": {false, true}, "42501": {false, false}} {
		err := OfServer("m", state)
		equal(t, [2]bool{isAway(err), mayAgain(err)}, expected)
	}
}

func TestResultsThatAreKept(t *testing.T) {
	b := newBench(t)
	g := b.gate(Rules{MaxResult: 100})
	for key, value := range map[string]any{"nul": members{"a": "x\x00y", "n": math.NaN()}, "large": string(make([]byte, 1000))} {
		options := &Options{Key: b.agent + key}
		equal(t, b.call(g, b.look, nil, b.does(b.look, value), options).Settled, "committed")
		again := b.call(g, b.look, nil, b.never, options)
		expected := map[string]string{"nul": `{"a":"x` + "\ufffd" + `y","n":null}`, "large": "The call was made before; its result was not kept."}[key]
		equal(t, []any{again.Cached(), again.Content()}, []any{true, expected})
	}
	equal(t, b.logged("is not kept"), true)
}
