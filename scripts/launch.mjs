/** What `./xdpkit` runs in a clone: brings node_modules and dist up to date when they are not, then is the command line. */
import { buildIsStale } from './build-state.mjs';

if (buildIsStale({ objects: false })) {
  const { setUp } = await import('./setup.mjs');
  await setUp(undefined);
}
await import('../dist/bin/xdpkit.js');
