// Cedar in this process, with the policies that it can say.
// node policy.js SOCKET answers questions over HTTP; POST /measure with a number: microseconds of the processor
// per decision, without the way.
const fs = require('fs');
const http = require('http');
const cedar = require('@cedar-policy/cedar-wasm/nodejs');
const policies = `
permit(principal == Agent::"shop", action, resource == Tool::"refund") when { context.args has amount && context.args.amount >= 1 && context.args.amount <= 500 };
permit(principal == Agent::"bi", action, resource == Tool::"sql/query") when { context.args has role && context.args.role == "bi_reader" && context.args.sql like "select *" };
permit(principal == Agent::"assistant", action, resource == Tool::"web/fetch") when { !context.labels.contains("untrusted") };
permit(principal == Agent::"ci", action, resource == Tool::"deploy") when { context.facts.tests_passed.contains(context.args.commit) };
permit(principal == Agent::"support", action, resource == Tool::"crm/get") when { context.args has customer_id && context.args.customer_id == context.subject };
permit(principal == Agent::"day", action, resource == Tool::"deploy");
forbid(principal, action, resource == Tool::"deploy") when { context has clock && !(context.clock.hour >= 6 && context.clock.hour <= 21) };
permit(principal == Agent::"x9", action, resource == Tool::"db/exec");
forbid(principal == Agent::"x9", action, resource == Tool::"db/exec") unless { context.args has env && context.args.env != "prod" };
`;
cedar.preparsePolicySet('ten', { staticPolicies: policies });
const decide = ({ agent, tool, context }) => cedar.statefulIsAuthorized({
  principal: { type: 'Agent', id: agent }, action: { type: 'Action', id: 'call' }, resource: { type: 'Tool', id: tool },
  context, preparsedPolicySetId: 'ten', entities: [],
}).response.decision;

const measure = (n) => {
  const question = { agent: 'shop', tool: 'refund', context: { args: { amount: 60, order_id: 'o7' }, subject: 's' } };
  const start = process.cpuUsage();
  for (let i = 0; i < n; i++)
    if (decide(question) !== 'allow') throw new Error('Cedar denies it');
  const used = process.cpuUsage(start);
  return (used.user + used.system) / n;
};

// an empty question is answered "none": what the way alone costs
const reply = (url, body) => {
  if (url === '/measure') return String(measure(Number(body)));
  return body === '' ? 'none' : decide(JSON.parse(body));
};

const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => response.end(reply(request.url, body)));
});
server.listen(process.argv[2], () => fs.writeSync(1, 'listening\n'));
