/** As the kernel's `license_is_gpl_compatible`, `include/linux/license.h`. */
const gplCompatible: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** One program has one licence: the first that keeps it from helpers for GPL code, where a member has such a one. */
export function jointLicense(licenses: readonly string[]): string {
  return licenses.find((one) => !gplCompatible.has(one)) ?? licenses[0] ?? '';
}
