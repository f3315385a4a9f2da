// The proxy as a library: for a program that serves a client by a transport of its own.
export { checked, read, type Config } from './config.js';
export { importAll } from './import.js';
export { Proxy } from './proxy.js';
export { serve } from './serve.js';
export type { Session } from './session.js';
