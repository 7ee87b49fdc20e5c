import type { Finding } from '../../doctor/finding.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';

export const doctor = defineCommand<Record<never, never>, []>({
  brief: 'Find out what this machine has of what xdpkit needs, and what is lost without it',
  description: [
    'Look at the kernel, privileges, settings, file systems and compiler, try every kernel feature, and say for each',
    'what is lost without it and what to do. Mounts the BPF file system where it is missing, and removes pins and',
    'labs that cut-off runs of xdpkit have left; changes nothing else.',
    '',
    'Exit code 0 when programs can be built, loaded and attached; 4 when only privileges are missing for it; 5 when',
    'something else is.',
  ].join('\n'),
  parameters: {},
  async run({ output }) {
    const { examine } = await import('../../doctor/examine.js');
    const { judge } = await import('../../doctor/verdict.js');
    const findings = await output.progress('examining', examine());
    const verdict = judge(findings);
    printFindings(output, findings);
    output.print(`${verdict.exitCode === 0 ? '' : output.colors.red('✗ ')}${verdict.sentence}`);
    output.document({ findings, verdict });
    return verdict.exitCode;
  },
});

function printFindings(output: Output, findings: readonly Finding[]): void {
  const { bold, dim } = output.colors;
  const widest = Math.max(...findings.map(({ item }) => item.length));
  for (const group of new Set(findings.map((finding) => finding.group))) {
    output.print(bold(group));
    for (const finding of findings.filter((each) => each.group === group)) {
      const { item, found, lost, hint } = finding;
      output.print(`  ${symbolOf(finding, output)} ${item.padEnd(widest)}  ${found}`);
      const indent = ' '.repeat(widest + 6);
      if (lost !== undefined) output.print(`${indent}${dim('lost:')} ${lost}`);
      if (hint !== undefined) output.print(`${indent}${dim('do:')}   ${hint}`);
    }
    output.print();
  }
}

function symbolOf({ state, fixed }: Finding, { colors }: Output): string {
  if (fixed) return colors.green('+');
  switch (state) {
    case 'ok':
      return colors.green('✓');
    case 'degraded':
      return colors.yellow('!');
    case 'missing':
      return colors.red('✗');
    case 'unknown':
      return colors.yellow('?');
  }
}
