/**
 * Packs the package as it would be published, installs it in an empty folder where no compiler is to be found and no
 * install script runs, and uses it there: command line, imports, browser bundles.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './build-state.mjs';
import { fail, say } from './talk.mjs';

const browserSafe = ['asm', 'elf', 'btf', 'object', 'packet', 'verifier'];
const { version, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-pack-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const installed = join(folder, 'node_modules/xdpkit');

const env = { ...process.env, PATH: toolsOnly(), npm_config_update_notifier: 'false' };
delete env.CLANG;

const tarball = pack();
writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
call('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', tarball);
checkFiles();
checkCommandLine();
checkImports();
await checkBrowserBundles();
say(`pack: ${tarball.split('/').at(-1)} installs, runs and imports without a compiler`);

/** A folder for PATH with nothing but what npm itself needs. */
function toolsOnly() {
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    symlinkSync(name === 'node' ? process.execPath : realpathSync(path), join(tools, name));
  }
  return tools;
}

function call(command, ...parameters) {
  try {
    return execFileSync(command, parameters, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    say(`${error.stdout ?? ''}${error.stderr ?? ''}`);
    return fail(`\`${command} ${parameters.join(' ')}\` failed with the packed package`);
  }
}

function pack() {
  const parameters = ['pack', '--silent', '--pack-destination', folder];
  execFileSync('npm', parameters, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const name = readdirSync(folder).find((entry) => entry.endsWith('.tgz'));
  return name === undefined ? fail('npm pack made no tarball') : join(folder, name);
}

function checkFiles() {
  const files = readdirSync(installed, { recursive: true }).map(String);
  const tests = files.filter((file) => /\.test\.|\.map$|tsbuildinfo/.test(file) && !file.startsWith('templates/'));
  if (tests.length > 0) fail(`the tarball holds files for developers: ${tests.join(', ')}`);
  if (!files.some((file) => file.endsWith('.bpf.o'))) fail('the tarball holds no BPF object (dist/bpf)');
  const modules = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  const strangers = modules.filter((name) => !['xdpkit', 'koffi', '@koromix'].includes(name));
  if (strangers.length > 0) fail(`installing xdpkit brings more than koffi: ${strangers.join(', ')}`);
}

function checkCommandLine() {
  const printed = call('npx', '--no-install', 'xdpkit', '--version').trim();
  if (printed !== version) fail(`xdpkit --version printed '${printed}' instead of '${version}'`);
  const { files } = JSON.parse(call('npx', '--no-install', 'xdpkit', 'init', 'project', '--json'));
  if (!files.includes('.gitignore')) fail(`xdpkit init wrote ${files.join(', ')}`);
}

/** Every entry point resolves, and the library loads nothing of the command line. */
function checkImports() {
  const specifiers = Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => path.replace('.', 'xdpkit'));
  const trace = join(folder, 'loaded.txt');
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { appendFileSync } from 'node:fs';
     export async function load(url, context, next) {
       appendFileSync(${JSON.stringify(trace)}, url + '\\n');
       return next(url, context);
     }`,
  );
  writeFileSync(
    join(folder, 'register.mjs'),
    `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
  );
  for (const specifier of specifiers) {
    call('node', '--import', './register.mjs', '--input-type=module', '--eval', `await import('${specifier}')`);
  }
  const commandLine = readFileSync(trace, 'utf8')
    .split('\n')
    .filter((url) => /xdpkit\/dist\/(bin|cli)\//.test(url));
  if (commandLine.length > 0) fail(`importing the library loads the command line: ${commandLine.join(', ')}`);
}

async function checkBrowserBundles() {
  for (const name of browserSafe) {
    const types = exports[`./${name}`]?.types;
    if (types === undefined || !existsSync(join(installed, types))) fail(`xdpkit/${name} has no types in the tarball`);
    const contents = `import * as all from 'xdpkit/${name}'; console.log(all);`;
    const stdin = { contents, resolveDir: folder };
    const options = { bundle: true, platform: 'browser', format: 'esm', write: false, logLevel: 'silent' };
    await build({ stdin, ...options }).catch((error) =>
      fail(`xdpkit/${name} does not bundle for browsers: ${error.message}`),
    );
  }
}
