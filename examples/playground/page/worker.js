// The worker runs mirrorctl. It gets the compiled program, or the packed one to compile first, and then commands:
// {id, args, files}. It answers {id, code, stdout, stderr}. It is ended from outside where a command is to stop.
// The program stays: it is started once, and called for each command.
"use strict";

// decode reads ascii85 in which "v" stands for "<": five characters for four bytes, "z" for four that are zero.
function decode(text) {
	const bytes = new Uint8Array(4 * text.length);
	const view = new DataView(bytes.buffer);
	let value = 0, digits = 0, at = 0;
	for (let i = 0; i < text.length; i++) {
		let c = text.charCodeAt(i);
		if (c === 122) { // "z"
			at += 4;
			continue;
		}
		if (c === 118) c = 60; // "v" for "<"
		value = value * 85 + c - 33;
		if (++digits === 5) {
			view.setUint32(at, value);
			at += 4;
			value = digits = 0;
		}
	}
	if (digits > 0) { // the last group is shorter: what is missing counts as the highest digit
		for (let i = digits; i < 5; i++) value = value * 85 + 84;
		view.setUint32(at, value);
		at += digits - 1;
	}
	return bytes.subarray(0, at);
}

// unpack compiles the program while it is still being unpacked.
async function unpack(packed) {
	const stream = new Blob([decode(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
	return WebAssembly.compileStreaming(new Response(stream, { headers: { "Content-Type": "application/wasm" } }));
}

// start runs the program to the point where it waits to be called.
async function start(program) {
	const go = new Go();
	go.run(await WebAssembly.instantiate(program, go.importObject));
	return program;
}

function run(args, files) {
	globalThis.fs.mount(files);
	return new Promise((resolve) => mirrorctl(args, (code, stdout, stderr) => resolve({ code, stdout, stderr })));
}

let last = Promise.resolve();

onmessage = ({ data }) => {
	last = last.then(async () => {
		try {
			if (data.args) postMessage({ id: data.id, ...await run(data.args, data.files) });
			else postMessage({ id: data.id, program: await start(data.program ?? await unpack(data.packed)) });
		} catch (e) {
			postMessage({ id: data.id, error: String(e) });
		}
	});
};
