/** What a load did without, as the kernel is older than the object asks for, or refused a part that is not needed. */
export interface Degradation {
  /**
   * Stable: a name of `loadFeatures`; `btf` where the kernel took none of the object's types, `mapTypes` where it took
   * none for a map; `externs` where it could not be found out what a weak one stands for; or `object` for what was not
   * understood of it.
   */
  readonly name: string;
  /** What was done instead. */
  readonly what: string;
  /** What the kernel said, or which release it is. */
  readonly why: string;
  /** The release that needs it no more; undefined where no release does. */
  readonly since: string | undefined;
}
