/** What an XDP program returned, by number: `enum xdp_action` in `include/uapi/linux/bpf.h`. */
export const verdicts = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

export type Verdict = (typeof verdicts)[number];

/** The name of a verdict; undefined for a number that is none (the kernel treats it as ABORTED and warns). */
export function verdictName(number: number): Verdict | undefined {
  return verdicts[number];
}

export function verdictNumber(name: Verdict): number {
  return verdicts.indexOf(name);
}
