package agentcore

import (
	"bytes"
	"encoding/json"
	"sync"
)

// What a model call may use, and what its response, or the events of its stream, say that it used.  The gate reads usage objects; here
// they are only found, so that no answer of a model travels to the gate for its usage.
var (
	usageNames = []string{"usage", "usageMetadata", "usage_metadata", "last_token_usage", "token_usage", "prompt_eval_count", "eval_count"}
	inside     = []string{"message", "response", "metadata", "x_groq", "meta", "response_metadata", "llm_output", "totalUsage"}
	beside     = []string{"type", "object", "service_tier", "serviceTier"}
	mostNames  = []string{"max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens", "num_predict"}
	places     = []string{"generationConfig", "generation_config", "config", "inferenceConfig", "options"}
)

type members = map[string]any

func decode(text string) (value any) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}

// reduced is the part of a response or event that speaks of usage.
func reduced(value any, depth int) members {
	thing, isObject := value.(members)
	if !isObject || depth > 3 {
		return nil
	}
	part := members{}
	for _, name := range usageNames {
		if thing[name] != nil {
			part[name] = thing[name]
		}
	}
	for _, name := range inside {
		if inner := reduced(thing[name], depth+1); inner != nil {
			part[name] = inner
		}
	}
	if len(part) == 0 {
		return nil
	}
	for _, name := range beside {
		if word, isText := thing[name].(string); isText {
			part[name] = word
		}
	}
	return part
}

func usageOf(response any) *string {
	if part := reduced(decode(toJSON(response)), 0); part != nil {
		return just(toJSON(part))
	}
	return nil
}

// The events of a stream that speak of usage.  Counts are cumulative, so the last one tells; only Anthropic counts the input in its first one.
type collector struct {
	lock        sync.Mutex
	first, last members
}

func (c *collector) add(event any) {
	part := reduced(decode(toJSON(event)), 0)
	c.lock.Lock()
	defer c.lock.Unlock()
	if part != nil && part["type"] == "message_start" {
		c.first = part
	} else if part != nil {
		c.last = part
	}
}

func (c *collector) told() *string {
	c.lock.Lock()
	defer c.lock.Unlock()
	switch {
	case c.first != nil && c.last != nil:
		return just(toJSON([]members{c.first, c.last}))
	case c.first != nil:
		return just(toJSON(c.first))
	case c.last != nil:
		return just(toJSON(c.last))
	}
	return nil
}

func mostOutput(request string) int64 {
	whole, _ := decode(request).(members)
	for _, place := range append([]string{""}, places...) {
		part := whole
		if place != "" {
			part, _ = whole[place].(members)
		}
		for _, name := range mostNames {
			if number, isNumber := part[name].(json.Number); isNumber {
				if n, err := number.Int64(); err == nil {
					return n
				}
			}
		}
	}
	return 0
}

// A token is hardly ever shorter than three bytes of a request.
func inputEstimate(request string) int64 { return int64(len(request)/3 + 1) }
