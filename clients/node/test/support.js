// What the tests share: a connection of the admin, the gates' drivers, and a proxy that loses connections.
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';
import postgres from 'postgres';

const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
const socket = `${host}/.s.PGSQL.${port}`;
const pool = new pg.Pool({ host, port: Number(port), user, database, max: 2 });
pool.on('error', () => undefined); // a test may restart the server

export const admin = async (sql, values = []) => (await pool.query(sql, values)).rows;
export const endAdmin = () => pool.end();
export const stateOf = async (id) => (await admin('SELECT state FROM agentcore.permits WHERE permit = $1', [id]))[0].state;

/** Time decides nothing: it only bounds a hang. */
export async function until(condition, seconds = 120) {
	for (let tries = 0; tries < seconds * 50; tries++) {
		if (await condition()) return;
		await pause(20);
	}
	throw new Error('it did not come to pass');
}

/** What a gate is made of, by driver; over a port of the loopback where one is given. */
export const gates = {
	pg(over) {
		const connection = new pg.Pool({ ...(over ? { host: '127.0.0.1', port: over } : { host, port: Number(port) }), user, database, max: 4 });
		connection.on('error', () => undefined);
		return { connection, close: () => connection.end() };
	},
	postgres(over) {
		const place = over ? { host: '127.0.0.1', port: over } : { path: socket };
		const connection = postgres({ ...place, user, database, max: 4, onnotice: () => undefined, connect_timeout: 5, backoff: () => 0.02 });
		return { connection, close: () => connection.end({ timeout: 1 }) };
	},
};

/** A way to the server that breaks where it is told to: before a statement arrives, or after, when its answer is on the way. */
export class Proxy {
	cuts = 0;
	#open = new Set();
	#before; #after; #away = false;

	static async start() {
		const proxy = new Proxy();
		proxy.server = net.createServer((client) => proxy.#serve(client));
		await new Promise((ready) => proxy.server.listen(0, '127.0.0.1', ready));
		proxy.port = proxy.server.address().port;
		return proxy;
	}

	cutBefore(word) { this.heal(); this.cuts = 0; this.#before = word; }
	cutAfter(word) { this.heal(); this.cuts = 0; this.#after = word; }
	away() { this.heal(); this.#away = true; this.#drop(); }
	heal() { this.#before = this.#after = undefined; this.#away = false; }

	#serve(client) {
		if (this.#away) return void client.destroy();
		const server = net.connect(socket);
		const pair = [client, server];
		const end = () => pair.forEach((one) => { one.destroy(); this.#open.delete(one); });
		let doomed = false;
		for (const one of pair) {
			this.#open.add(one);
			one.on('error', end).on('close', end);
		}
		client.on('data', (data) => {
			if (this.#before && data.includes(this.#before)) {
				this.#before = undefined;
				this.cuts++;
				return end();
			}
			if (this.#after && data.includes(this.#after)) {
				this.#after = undefined;
				doomed = true;
			}
			server.write(data);
		});
		server.on('data', (data) => {
			// the answer is complete where there is a row and the server is ready for the next statement
			if (!doomed || !data.includes(0x44) || !data.includes(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) return client.write(data);
			this.cuts++;
			end();
		});
	}

	#drop() { for (const one of this.#open) one.destroy(); this.#open.clear(); }
	async close() { this.#drop(); await new Promise((done) => this.server.close(done)); }
}
