// Microseconds per decision of Cedar in this process, of the policies that it can say: node policy.js CALLS
const cedar = require('@cedar-policy/cedar-wasm/nodejs');
const calls = Number(process.argv[2]);
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
const call = {
  principal: { type: 'Agent', id: 'shop' }, action: { type: 'Action', id: 'call' }, resource: { type: 'Tool', id: 'refund' },
  context: { args: { amount: 60, order_id: 'o7' }, subject: 's' }, preparsedPolicySetId: 'ten', entities: [],
};
const run = (n) => {
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i++)
    if (cedar.statefulIsAuthorized(call).response.decision !== 'allow') throw new Error('Cedar denies it');
  return Number(process.hrtime.bigint() - start) / 1e3 / n;
};
run(Math.ceil(calls / 10));
console.log(run(calls));
