// A client of agentcore: ask, run, settle.
export { Away, GateError, GateUnavailable } from './errors.js';
export { Gate, type GateOptions, type GatedTool } from './gate.js';
export { RULES, type CallOptions, type ModelOptions, type Rules, type Running, type ToolFunction } from './request.js';
export { Result, type Verdict } from './result.js';
export { Stream } from './stream.js';
export type { Connection, Driver, PgPool, PostgresJs } from './drivers.js';
