package agentcore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"sort"
	"strings"
	"unicode/utf8"
)

const deepest = 200

// clean drops what PostgreSQL cannot hold: NUL, and bytes that are no UTF-8.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// marshal is json.Marshal, which never panics and leaves <, > and & as they are.
func marshal(value any) (text string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%T cannot be made JSON: %v", value, reason)
		}
	}()
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err = encoder.Encode(value); err != nil {
		return "", err
	}
	return strings.TrimSuffix(buffer.String(), "\n"), nil
}

// plain is the value as JSON can say it.  What it cannot say becomes text; NaN and the infinities become null.
func plain(value any, depth int) any {
	if depth > deepest {
		return fmt.Sprintf("%T", value)
	}
	switch v := value.(type) {
	case nil, bool, string, json.Number:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case []byte:
		return ofBytes(v)
	case json.RawMessage:
		if !json.Valid(v) {
			return ofBytes(v)
		}
		return v
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			members[name] = plain(member, depth+1)
		}
		return members
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = plain(item, depth+1)
		}
		return items
	case json.Marshaler:
		break
	case error:
		return v.Error()
	}
	if text, err := marshal(value); err == nil {
		return json.RawMessage(text)
	}
	return fmt.Sprintf("%T", value)
}

func ofBytes(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// toJSON is the value as JSON, whatever it is.
func toJSON(value any) string {
	if _, own := value.(json.Marshaler); !own {
		if _, isError := value.(error); isError {
			value = plain(value, 0)
		}
	}
	if data, isBytes := value.([]byte); isBytes {
		value = ofBytes(data)
	}
	if text, err := marshal(value); err == nil {
		return text
	}
	text, err := marshal(plain(value, 0))
	if err != nil {
		text, _ = marshal(fmt.Sprintf("%T", value))
	}
	return text
}

// ofArgs is arguments as the gate reads them: a model's own text as it is, anything else as JSON.
func ofArgs(args any) (*string, error) {
	var text string
	switch v := args.(type) {
	case nil:
		return nil, nil
	case string:
		text = v
	case []byte:
		text = string(v)
	case json.RawMessage:
		text = string(v)
	default:
		var err error
		if text, err = marshal(args); err != nil {
			return nil, &GateError{Message: "the arguments: " + err.Error()}
		}
	}
	return just(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", `\u0000`), "\uFFFD")), nil
}

// ofResult is a tool's answer as text of at most `limit` bytes; nil where it is larger: half of an answer is none.
func ofResult(value any, limit int) *string {
	if text := toJSON(value); len(text) <= limit {
		return &text
	}
	return nil
}

// Failure is what call_fail() is told of an error.
type failure struct {
	status     int
	words      string
	retryAfter string
}

var cancelled = failure{status: 499, words: "cancelled by the caller"}

// HTTPError is an answer of a server that is no success.  Errors of other kinds are understood too, where a field
// StatusCode, Status or Code says the status and a Response or Header has the headers, as those of usual libraries do.
type HTTPError struct {
	StatusCode int
	Header     http.Header
	Body       string
}

func (e *HTTPError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s\n%s", e.StatusCode, http.StatusText(e.StatusCode), e.Body))
}

// failed is what an error says: its status, its words, and the headers that say when to come back.
func failed(err error) failure {
	told := failure{words: err.Error()}
	var headers http.Header
	for cause, n := err, 0; cause != nil && n < 16; cause, n = errors.Unwrap(cause), n+1 {
		status, found := look(reflect.ValueOf(cause), 0)
		if told.status == 0 {
			told.status = status
		}
		if headers == nil {
			headers = found
		}
	}
	told.retryAfter = clean(waits(headers))
	told.words = clean(told.words)
	if len(told.words) > 60000 {
		told.words = strings.ToValidUTF8(told.words[:60000], "")
	}
	return told
}

// look finds status and headers in the fields of an error, or of the Response that it carries.
func look(holder reflect.Value, depth int) (status int, headers http.Header) {
	for holder.Kind() == reflect.Pointer || holder.Kind() == reflect.Interface {
		holder = holder.Elem()
	}
	if holder.Kind() != reflect.Struct || depth > 1 {
		return 0, nil
	}
	for _, name := range []string{"StatusCode", "HTTPStatusCode", "Status", "Code"} {
		if field := holder.FieldByName(name); field.IsValid() && field.CanInt() && field.Int() >= 100 && field.Int() <= 599 {
			status = int(field.Int())
			break
		}
	}
	if field := holder.FieldByName("Header"); field.IsValid() && field.CanInterface() {
		headers, _ = field.Interface().(http.Header)
	}
	if response := holder.FieldByName("Response"); response.IsValid() {
		inner, of := look(response, depth+1)
		if status == 0 {
			status = inner
		}
		if headers == nil {
			headers = of
		}
	}
	return status, headers
}

func waits(headers http.Header) string {
	var lines []string
	for name, values := range headers {
		if begins(strings.ToLower(name), []string{"retry-after", "x-ratelimit", "ratelimit", "x-ms-retry-after"}) && len(values) > 0 {
			lines = append(lines, strings.ToLower(name)+": "+values[0])
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
