// What all drop-ins share: which database they ask.
export { use } from './ask.js';
export { GateError, GateUnavailable } from '../errors.js';
