// agentguard's names: a policy for what an agent's tools fetch, judged by the database.
export { check, checkLater, policy } from './policy.js';
export type { BudgetPolicy, Decision, HostPattern, NetworkPolicy, Policy, PolicySpec, ViolationMode } from './policy.js';
export { firewall, wrapFetch } from './firewall.js';
export { blockResponse, PolicyViolation } from './violations.js';
export { VERSION } from '../version.js';
