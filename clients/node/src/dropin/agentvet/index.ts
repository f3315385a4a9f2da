// agentvet's names: a tool's arguments, judged by the database before it runs.
export { vet, validate, type VetSpec } from './vet.js';
export { adapters, type Field, type ValidateResult, type Validator, type ZodLikeSchema } from './adapters.js';
export { ToolArgError } from './errors.js';
export { VERSION } from '../version.js';
