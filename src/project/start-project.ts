/** A folder for a new project: a BPF program, its loader and its tests, which build and run as they are. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typeIdentifier } from '../btf/typescript/identifiers.js';
import { XdpkitError } from '../errors/error.js';
import { importedTypes } from '../object/typescript.js';

/** The same from dist/project, and from the bundles in dist/lib and dist/bin: all lie two folders below the package. */
const packageFolder = fileURLToPath(new URL('../../', import.meta.url));
const templatesFolder = join(packageFolder, 'templates/init');

export interface ProjectOptions {
  /** Of the npm package and the files: small letters, digits and `-`. The folder's name unless given. */
  readonly name?: string | undefined;
  /** One of `listTemplates`; `xdp` unless given. */
  readonly template?: string | undefined;
}

export interface StartedProject {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  readonly template: string;
  /** Paths within the folder. */
  readonly files: readonly string[];
  /** What package.json asks for: this release, or the clone that this runs from, `file:/…`. */
  readonly dependency: string;
}

export function listTemplates(): string[] {
  return readdirSync(templatesFolder).sort();
}

/**
 * Writes the files of a template into a folder that is made for them, or is empty (`.git` may be there). Errors: USAGE for a folder with
 * something in it, a name that cannot be a project's, or an unknown template; FAILED where files cannot be written.
 */
export function startProject(path: string, options: ProjectOptions = {}): StartedProject {
  const folder = resolve(path);
  const { name = basename(folder), template = 'xdp' } = options;
  checkName(name, options.name === undefined);
  const templates = listTemplates();
  if (!templates.includes(template)) {
    throw new XdpkitError('USAGE', `there is no template "${template}"`, { hint: `There is ${templates.join(', ')}.` });
  }
  const dependency = dependencyOnThis();
  const source = join(templatesFolder, template);
  try {
    mkdirSync(folder, { recursive: true });
    const found = readdirSync(folder).find((entry) => entry !== '.git');
    if (found !== undefined) {
      throw new XdpkitError('USAGE', `${path} is not empty: ${found} is in it`, {
        hint: 'Name a new folder, or an empty one: nothing is ever written over.',
      });
    }
    const files = filesOf(source).map((file) => {
      const target = inWordsOf(name, file === 'gitignore' ? '.gitignore' : file);
      const text = inWordsOf(name, readFileSync(join(source, file), 'utf8'));
      mkdirSync(dirname(join(folder, target)), { recursive: true });
      const content =
        target === 'package.json'
          ? text.replace('"xdpkit": "0.0.0"', () => `"xdpkit": ${JSON.stringify(dependency)}`)
          : text;
      writeFileSync(join(folder, target), content, { flag: 'wx' });
      return target;
    });
    return { folder, name, template, files: files.sort(), dependency };
  } catch (cause) {
    if (cause instanceof XdpkitError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new XdpkitError(
      code === 'EACCES' || code === 'EPERM' ? 'NOT_PERMITTED' : 'FAILED',
      `start a project in ${path}: ${message}`,
      { cause },
    );
  }
}

/** What templates call their own. */
const templateTypes = ['Main', 'Datarec'];

/** It becomes the name of an npm package, of files, and of a TypeScript interface that stands beside others. */
function checkName(name: string, isFolders: boolean): void {
  const taken = [...importedTypes, ...templateTypes].find((type) => type === typeIdentifier(name));
  const problem = !/^[a-z][a-z0-9-]{0,63}$/.test(name)
    ? 'small letters, digits and "-" can, up to 64, a letter first'
    : taken && `its type would be called ${taken}, which another one is`;
  if (problem === undefined) return;
  throw new XdpkitError('USAGE', `"${name}" cannot name a project: ${problem}`, {
    hint: isFolders ? 'Give another name than the folder has with --name.' : undefined,
  });
}

/** Templates are a project called project-name, and so can be compiled as they are. */
function inWordsOf(name: string, text: string): string {
  return text.replaceAll('project-name', name).replaceAll('ProjectName', typeIdentifier(name));
}

/** npm leaves out files called .gitignore, so that templates call it otherwise. */
function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

/** A clone is no release: who runs from one has it linked. */
function dependencyOnThis(): string {
  if (!packageFolder.split(sep).includes('node_modules')) return `file:${packageFolder.slice(0, -1)}`;
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  return version;
}
