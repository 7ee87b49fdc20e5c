/** Every command. A new one is a file in commands/ and a line here. */
import { buildRouteMap } from '@stricli/core';
import { attach } from './commands/attach.js';
import { btfDump } from './commands/btf-dump.js';
import { btfLs } from './commands/btf-ls.js';
import { btfMin } from './commands/btf-min.js';
import { build } from './commands/build.js';
import { chainAdd } from './commands/chain-add.js';
import { chainLs } from './commands/chain-ls.js';
import { chainRemove } from './commands/chain-remove.js';
import { chainReorder } from './commands/chain-reorder.js';
import { demo } from './commands/demo.js';
import { detach } from './commands/detach.js';
import { doctor } from './commands/doctor.js';
import { explainCtx } from './commands/explain-ctx.js';
import { explainHelper } from './commands/explain-helper.js';
import { explainMap } from './commands/explain-map.js';
import { explainPacket } from './commands/explain-packet.js';
import { explainProgram } from './commands/explain-program.js';
import { explainVerdict } from './commands/explain-verdict.js';
import { init } from './commands/init.js';
import { labDown } from './commands/lab-down.js';
import { labExec } from './commands/lab-exec.js';
import { labLs } from './commands/lab-ls.js';
import { labPing } from './commands/lab-ping.js';
import { labUp } from './commands/lab-up.js';
import { linkDetach } from './commands/link-detach.js';
import { linkLs } from './commands/link-ls.js';
import { linkPin } from './commands/link-pin.js';
import { linkShow } from './commands/link-show.js';
import { mapCreate } from './commands/map-create.js';
import { mapDelete } from './commands/map-delete.js';
import { mapDump } from './commands/map-dump.js';
import { mapEvents } from './commands/map-events.js';
import { mapGet } from './commands/map-get.js';
import { mapLs } from './commands/map-ls.js';
import { mapPin } from './commands/map-pin.js';
import { mapPop } from './commands/map-pop.js';
import { mapPush } from './commands/map-push.js';
import { mapSet } from './commands/map-set.js';
import { mapShow } from './commands/map-show.js';
import { mapUnpin } from './commands/map-unpin.js';
import { objectShow } from './commands/object-show.js';
import { progDump } from './commands/prog-dump.js';
import { progLoad } from './commands/prog-load.js';
import { progLs } from './commands/prog-ls.js';
import { progPin } from './commands/prog-pin.js';
import { progRun } from './commands/prog-run.js';
import { progShow } from './commands/prog-show.js';
import { progUnpin } from './commands/prog-unpin.js';
import { progVerify } from './commands/prog-verify.js';
import { refsLink } from './commands/refs-link.js';
import { refsMap } from './commands/refs-map.js';
import { refsProg } from './commands/refs-prog.js';
import { replace } from './commands/replace.js';
import { stats } from './commands/stats.js';
import { status } from './commands/status.js';
import { types } from './commands/types.js';

const chain = buildRouteMap({
  routes: { ls: chainLs, add: chainAdd, remove: chainRemove, reorder: chainReorder },
  docs: { brief: 'Several programs on one device, one after the other' },
});

/** What things are, in this kernel: a route for each kind of thing. */
const explain = buildRouteMap({
  routes: {
    helper: explainHelper,
    map: explainMap,
    program: explainProgram,
    verdict: explainVerdict,
    ctx: explainCtx,
    packet: explainPacket,
  },
  docs: { brief: 'What the things of BPF are, and what this kernel makes of them' },
});

const lab = buildRouteMap({
  routes: { up: labUp, down: labDown, ls: labLs, exec: labExec, ping: labPing },
  docs: { brief: 'Throw-away networks of two hosts, for trying things' },
});

const link = buildRouteMap({
  routes: { ls: linkLs, show: linkShow, detach: linkDetach, pin: linkPin },
  docs: { brief: "The kernel's links: list, detach, pin" },
});

const map = buildRouteMap({
  routes: {
    ls: mapLs,
    show: mapShow,
    dump: mapDump,
    events: mapEvents,
    get: mapGet,
    set: mapSet,
    delete: mapDelete,
    push: mapPush,
    pop: mapPop,
    pin: mapPin,
    unpin: mapUnpin,
    create: mapCreate,
  },
  docs: { brief: "The kernel's maps: list, read, change, pin" },
});

const prog = buildRouteMap({
  routes: {
    ls: progLs,
    show: progShow,
    dump: progDump,
    load: progLoad,
    pin: progPin,
    unpin: progUnpin,
    run: progRun,
    verify: progVerify,
  },
  docs: { brief: "The kernel's programs: list, read, load, pin, test, verify" },
});

const refs = buildRouteMap({
  routes: { prog: refsProg, map: refsMap, link: refsLink },
  docs: { brief: 'Who keeps a program, a map or a link alive' },
});

const btf = buildRouteMap({
  routes: { ls: btfLs, dump: btfDump, min: btfMin },
  docs: { brief: 'Types: of the kernel, of programs and maps, of objects' },
});

const object = buildRouteMap({
  routes: { show: objectShow },
  docs: { brief: 'Object files: what they hold' },
});

export const commands = buildRouteMap({
  routes: {
    init,
    build,
    lab,
    attach,
    replace,
    detach,
    chain,
    status,
    stats,
    prog,
    map,
    link,
    refs,
    btf,
    object,
    types,
    explain,
    doctor,
    demo,
  },
  docs: {
    brief: 'XDP programs on Linux: compile, attach, watch, replace, test',
    fullDescription: [
      'XDP programs on Linux: compile, attach, watch, replace, test.',
      '',
      'Every command takes --json (one document on stdout; errors too), --verbose, --quiet and --help.',
      'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not permitted, 5 the kernel or device cannot,',
      '6 the verifier refused, 7 something was not as expected, 130 interrupted.',
    ].join('\n'),
  },
});
