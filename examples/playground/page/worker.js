// The worker runs mirrorctl. It gets the compiled program, or the packed one to compile first, and then commands:
// {id, args, files, state}, where the same state means the same files. It answers {id, code, stdout, stderr}. It is
// ended from outside where a command is to stop.
// The program stays: it is started once, and called for each command.
"use strict";

// decode reads bytes that are written as characters of seven bits. "À", "Á" and "Â" stand for those that HTML does not
// keep: NUL, the carriage return and "<".
function decode(text) {
	const bytes = new Uint8Array(text.length * 7 >> 3);
	let value = 0, bits = 0, at = 0;
	for (let i = 0; i < text.length; i++) {
		let c = text.charCodeAt(i);
		if (c > 127) c = c === 0xC0 ? 0 : c === 0xC1 ? 13 : 60;
		value = (value << 7 | c) & 0x7FFF;
		bits += 7;
		if (bits >= 8) {
			bits -= 8;
			bytes[at++] = value >> bits;
		}
	}
	return bytes;
}

// unpack compiles the program while it is still being unpacked. It reads no Blob: in a page from a disk WebKit cannot.
async function unpack(packed) {
	const { readable, writable } = new DecompressionStream("gzip");
	const writer = writable.getWriter();
	writer.write(decode(packed)).then(() => writer.close()).catch(() => {}); // the reader hears of it
	return WebAssembly.compileStreaming(new Response(readable, { headers: { "Content-Type": "application/wasm" } }));
}

// start runs the program to the point where it waits to be called.
async function start(program) {
	const go = new Go();
	go.run(await WebAssembly.instantiate(program, go.importObject));
	return program;
}

function run({ args, files, state }) {
	globalThis.fs.mount(files);
	return new Promise((resolve) => mirrorctl(args, state, (code, stdout, stderr) => resolve({ code, stdout, stderr })));
}

let last = Promise.resolve();

onmessage = ({ data }) => {
	last = last.then(async () => {
		try {
			if (data.args) postMessage({ id: data.id, ...await run(data) });
			else postMessage({ id: data.id, program: await start(data.program ?? await unpack(data.packed)) });
		} catch (e) {
			postMessage({ id: data.id, error: String(e) });
		}
	});
};
