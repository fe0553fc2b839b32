// The worker runs mirrorctl. It gets the compiled program, or the packed one to compile first, and then commands:
// {id, args, files}. It answers {id, code, stdout, stderr}. It is ended from outside where a command is to stop.
"use strict";

let program;

async function unpack(packed) {
	const text = atob(packed);
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
	return WebAssembly.compile(await new Response(stream).arrayBuffer());
}

async function run(args, files) {
	const written = { 1: [], 2: [] };
	globalThis.fs = newFiles(files, written);
	const go = new Go();
	go.argv = ["mirrorctl", ...args];
	go.env = {};
	let code = 0;
	go.exit = (c) => { code = c; };
	await go.run(await WebAssembly.instantiate(program, go.importObject));
	const text = async (parts) => new Response(new Blob(parts)).text();
	return { code, stdout: await text(written[1]), stderr: await text(written[2]) };
}

let last = Promise.resolve();

onmessage = ({ data }) => {
	last = last.then(async () => {
		try {
			if (data.packed) program = await unpack(data.packed);
			if (data.program) program = data.program;
			if (data.args) postMessage({ id: data.id, ...await run(data.args, data.files) });
			else postMessage({ id: data.id, program });
		} catch (e) {
			postMessage({ id: data.id, error: String(e) });
		}
	});
};
