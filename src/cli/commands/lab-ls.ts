import { errorCodes } from '../../errors/codes.js';
import { defineCommand } from '../command.js';

export const labLs = defineCommand<Record<never, never>, []>({
  brief: 'List the labs of this machine',
  parameters: {},
  async run({ output }) {
    const { listLabs } = await import('../../lab/index.js');
    const labs = listLabs();
    if (labs.length === 0) output.note('there is no lab; `xdpkit lab up` makes one');
    else {
      await output.table(
        [
          { title: 'LAB' },
          { title: 'STATE' },
          { title: 'MTU', align: 'right' },
          { title: 'HOSTS' },
          { title: 'PROBLEMS' },
        ],
        labs.map(({ name, state, mtu, hosts, problems, temporary, maker }) => {
          const owner = temporary ? `, goes with process ${maker.pid}${maker.alive ? '' : ', which has ended'}` : '';
          return [name, `${state}${owner}`, `${mtu ?? '?'}`, hosts.join(' '), problems.join('; ')];
        }),
      );
    }
    output.document({ labs });
    const unknown = labs.filter(({ state }) => state === 'unknown').map(({ name }) => name);
    if (unknown.length === 0) return undefined;
    output.warn(`${unknown.join(', ')} could not be looked at: that takes CAP_SYS_ADMIN, run it as root`);
    return errorCodes.NOT_PERMITTED.exit;
  },
});
