// A name server on the loopback that answers what a test says, each time anew.
import { createSocket } from 'node:dgram';

/** answers(name, type) gives addresses; type 1 is A, 28 AAAA. */
export async function nameServer(answers) {
	const socket = createSocket('udp4');
	socket.on('message', (query, from) => {
		let end = 12;
		const labels = [];
		while (query[end] !== 0) {
			labels.push(query.toString('ascii', end + 1, end + 1 + query[end]));
			end += query[end] + 1;
		}
		const type = query.readUInt16BE(end + 1);
		const found = type === 1 ? answers(labels.join('.').toLowerCase()) : [];
		const header = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, found.length, 0, 0, 0, 0]);
		const records = found.map((address) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]));
		socket.send(Buffer.concat([header, query.subarray(12, end + 5), ...records]), from.port, from.address);
	});
	await new Promise((ready) => socket.bind(0, '127.0.0.1', ready));
	return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}
