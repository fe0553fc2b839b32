// The file system that the program sees: the files of the input, in memory, to be read. It stands before Go's own
// wasm_exec.js, which takes the global object fs for that of Node.
"use strict";

const enoent = "ENOENT", ebadf = "EBADF", enosys = "ENOSYS";

function fileError(code) {
	const e = new Error(code);
	e.code = code;
	return e;
}

// newFiles returns a file system that holds the files of the last call of its mount(files): a map from absolute paths
// to bytes.
function newFiles() {
	let files = new Map();
	const opened = new Map();
	let next = 10;

	const isDirectory = (path) => {
		const below = path.endsWith("/") ? path : path + "/";
		return path === "/" || [...files.keys()].some((name) => name.startsWith(below));
	};
	const stat = (path) => {
		const directory = isDirectory(path);
		if (!directory && !files.has(path)) return null;
		return {
			dev: 0, ino: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, blksize: 4096, blocks: 1,
			atimeMs: 0, mtimeMs: 0, ctimeMs: 0,
			mode: directory ? 0o40755 : 0o100644,
			size: directory ? 0 : files.get(path).length,
			isDirectory: () => directory,
		};
	};
	const answer = (callback, value, code) => value === null ? callback(fileError(code)) : callback(null, value);

	const fs = {
		constants: { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_EXCL: 128, O_TRUNC: 512, O_APPEND: 1024, O_DIRECTORY: 65536 },
		mount(these) { files = these; },
		writeSync(fd, bytes) { // what Go itself says, such as a panic
			console.error(new TextDecoder().decode(bytes));
			return bytes.length;
		},
		write(fd, bytes, offset, length, position, callback) {
			callback(null, fs.writeSync(fd, bytes.subarray(offset, offset + length)));
		},
		open(path, flags, mode, callback) {
			if (!stat(path)) return callback(fileError(enoent));
			opened.set(next, { path, at: 0 });
			callback(null, next++);
		},
		close(fd, callback) {
			opened.delete(fd);
			callback(null);
		},
		read(fd, buffer, offset, length, position, callback) {
			const file = opened.get(fd);
			if (!file) return callback(null, 0); // standard input is empty
			const from = position ?? file.at;
			const part = files.get(file.path).subarray(from, from + length);
			buffer.set(part, offset);
			if (position === null) file.at += part.length;
			callback(null, part.length);
		},
		stat: (path, callback) => answer(callback, stat(path), enoent),
		lstat: (path, callback) => answer(callback, stat(path), enoent),
		fstat: (fd, callback) => answer(callback, opened.has(fd) ? stat(opened.get(fd).path) : null, ebadf),
		readdir(path, callback) {
			if (!isDirectory(path)) return callback(fileError(enoent));
			const below = path.endsWith("/") ? path : path + "/";
			const inside = [...files.keys()].filter((name) => name.startsWith(below));
			const names = inside.map((name) => name.slice(below.length).split("/")[0]);
			callback(null, [...new Set(names)]);
		},
		readlink: (path, callback) => callback(fileError("EINVAL")), // there are no links
		fsync: (fd, callback) => callback(null),
	};
	// Whatever would change a file is not there.
	for (const name of ["chmod", "chown", "fchmod", "fchown", "ftruncate", "lchown", "link", "mkdir", "rename", "rmdir",
		"symlink", "truncate", "unlink", "utimes"]) {
		fs[name] = (...args) => args[args.length - 1](fileError(enosys));
	}
	return fs;
}

globalThis.fs = newFiles();
