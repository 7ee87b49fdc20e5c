/** Writes the archive that Linux unpacks as its first file system: cpio in the "newc" form (initramfs-buffer-format). */
import { closeSync, openSync, writeSync } from 'node:fs';

const kinds = { folder: 0o040000, file: 0o100000, link: 0o120000 };

/** `entries` are `{ path, kind, mode, bytes }`, a folder before what is in it; paths have no slash in front. */
export function writeCpio(output, entries) {
  const file = openSync(output, 'w');
  try {
    let inode = 1;
    for (const { path, kind, mode = 0o755, bytes = Buffer.alloc(0) } of entries)
      writeEntry(file, path, kinds[kind] | mode, bytes, inode++);
    writeEntry(file, 'TRAILER!!!', 0, Buffer.alloc(0), 0);
  } finally {
    closeSync(file);
  }
}

function writeEntry(file, path, mode, bytes, inode) {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  for (const part of [padded(Buffer.concat([head, name])), padded(bytes)]) writeAll(file, part);
}

function writeAll(file, bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function padded(bytes) {
  const rest = -bytes.length & 3;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(rest)]);
}
