/**
 * Makes a fresh clone ready for a job: Debian packages that are missing, node_modules, the build. Quiet when there is
 * nothing to do. Plain Node without packages, because it runs before there are any.
 *
 *     node scripts/setup.mjs [--for demo|test|bench|vm|ci]
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildIsStale, modulesAreStale, root } from './build-state.mjs';
import { hasApt, installPackages, jobs, missingPackages } from './debian-packages.mjs';
import { fetchForeignObjects, foreignObjectsAreThere } from './foreign-objects.mjs';
import { withBuildLock } from './lock.mjs';
import { fail, run, say, step } from './talk.mjs';
import { fetchKernels, missingKernels } from './vm/kernels.mjs';

const [major = 0] = process.versions.node.split('.').map(Number);

/** Without a job only node_modules and dist are seen to, as the launcher wants it. */
export async function setUp(job) {
  if (major < 20) fail(`xdpkit needs Node.js 20 or newer, this is ${process.version}`, 5);
  if (job !== undefined) await installMissing(job);
  if ((job === 'test' || job === 'ci') && !foreignObjectsAreThere()) {
    const failed = await step('objects of other projects', fetchForeignObjects);
    if (failed !== undefined) fail(`could not get the Debian package ${failed}, whose BPF objects the tests read`, 5);
  }
  if ((job === 'vm' || job === 'ci') && missingKernels().length > 0) {
    const problem = await step('stock kernels', fetchKernels);
    if (problem !== undefined) fail(`${problem}, which the tests in virtual machines run on`, 5);
  }
  const wanted = { objects: job !== undefined };
  if (!buildIsStale(wanted)) return;
  await withBuildLock(
    async () => {
      if (modulesAreStale()) await step('npm ci', npmCi);
      if (buildIsStale(wanted)) await step('build', build);
    },
    () => say('waiting for another build of this clone …'),
  );
}

async function installMissing(job) {
  const missing = missingPackages(job);
  if (missing.length === 0) return;
  const names = missing.map((entry) => entry.name);
  const reasons = missing.map((entry) => `${entry.name} (${entry.why})`).join(', ');
  const command = `apt-get install ${names.join(' ')}`;
  if (!hasApt()) fail(`missing: ${reasons}; there is no apt-get here, install them by this system's own means`, 5);
  if (process.getuid?.() !== 0) fail(`missing: ${reasons}; run \`${command}\` as root first`, 4);
  say(`installing Debian packages: ${reasons}`);
  if (!(await step('apt-get', () => installPackages(names)))) fail(`\`${command}\` failed, see above`, 5);
  const still = missingPackages(job).map((entry) => entry.name);
  if (still.length > 0) fail(`apt-get installed ${still.join(', ')}, but what they should bring is not there`, 5);
}

async function npmCi() {
  // No dependency needs its install script: koffi and esbuild come prebuilt.
  const parameters = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if ((await run('npm', parameters, { cwd: root })) !== 0) fail('`npm ci` failed, see above');
}

async function build() {
  // A process of its own: the build needs packages that may have been installed a moment ago.
  const status = await run(process.execPath, ['scripts/build.mjs', '--locked'], { cwd: root });
  if (status !== 0) fail('the build failed, see above');
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [flag, job] = process.argv.slice(2);
  if (flag !== undefined && (flag !== '--for' || !jobs.includes(job)))
    fail(`usage: setup [--for ${jobs.join('|')}]`, 2);
  await setUp(job);
}
