"""A whole agent over OpenAI's form: loop.py URL MESSAGE, in libpq's environment, as the agent of AGENT."""
import json
import os
import sys
import urllib.request

from agentcore import Gate, current


def post(path, body):
    headers = {"x-call-id": current().call_id, "x-call-key": current().key}
    with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


tools = {"pay": lambda args: post("/pay", args)}

# the loop
gate, messages = Gate("", agent=os.environ["AGENT"]), [{"role": "user", "content": sys.argv[2]}]
while True:
    request = {"model": "fake", "max_tokens": 200, "messages": messages, "tools": gate.tools()}
    response = gate.model(None, "fake", request, lambda final: post("/v1/chat/completions", final)).value
    results = gate.many(None, response, tools, key_prefix=sys.argv[2])
    messages.append(response["choices"][0]["message"])
    messages += [{"role": "tool", "tool_call_id": result.id, "content": result.content()} for result in results]
    if not results:
        break
# its end

print(messages[-1]["content"])
gate.close()
