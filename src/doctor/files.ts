import { readFileSync, statSync } from 'node:fs';

/** The files of the machine that is examined, so that another one can be put in its place. Absolute paths. */
export interface Files {
  /** The text without surrounding blanks, or why it could not be read (`ENOENT`, `EACCES`). */
  read(path: string): { readonly text: string } | { readonly problem: string };
  /** Bytes; undefined where there is no such file. */
  size(path: string): number | undefined;
}

/** The files below a folder; the machine's own without one. */
export function filesUnder(root = ''): Files {
  return {
    read(path) {
      try {
        return { text: readFileSync(root + path, 'utf8').trim() };
      } catch (error) {
        return { problem: (error as NodeJS.ErrnoException).code ?? String(error) };
      }
    },
    size(path) {
      try {
        return statSync(root + path).size;
      } catch {
        return undefined;
      }
    },
  };
}

/** The text of a file; undefined where it can't be read, for whatever reason. */
export function textOf(files: Files, path: string): string | undefined {
  const result = files.read(path);
  return 'text' in result ? result.text : undefined;
}
