/** Who keeps an object of the kernel alive, as data. */
import type { PinKind } from '../kernel/pin.js';

export interface KernelObject {
  readonly kind: PinKind;
  readonly id: number;
  /** In full where its BTF tells it; empty for links. */
  readonly name: string;
  /** Kernel name: `xdp`, `hash`. */
  readonly type: string;
}

/** What is no BPF object itself, and goes by something that a person does. */
export type Root =
  | {
      readonly by: 'pin';
      /** As this process sees it. */
      readonly path: string;
      /** A process in whose mount namespace the file system is, where this one does not have it. */
      readonly mountNamespaceOf: number | undefined;
    }
  | {
      readonly by: 'process';
      readonly pid: number;
      readonly command: string;
      readonly fds: readonly number[];
      /** A perf event (a kprobe, a tracepoint, a counter) holds a program, without being a link. */
      readonly of: 'object' | 'perf event';
    }
  /** A device, without a link: XDP by netlink, a filter of tc, tcx by BPF_PROG_ATTACH. */
  | {
      readonly by: 'device';
      readonly device: string;
      readonly ifindex: number;
      /** Name under `/run/netns`, or a path that leads to it; undefined for the present one. */
      readonly netns: string | undefined;
      /** `xdp native`, `tc ingress, preference 49152`, `tcx_egress`. */
      readonly hook: string;
    }
  /** By BPF_PROG_ATTACH, without a link. */
  | { readonly by: 'cgroup'; readonly path: string; readonly attachType: string }
  | { readonly by: 'netns'; readonly netns: string | undefined; readonly attachType: string };

/** How one object holds another. */
export type Hold =
  /** A program is loaded with its maps, or was bound to them. */
  | { readonly how: 'uses' }
  /** A link and its program. `target`: what it is attached to, as `veth0 in demo-left`; empty where only its type tells. */
  | { readonly how: 'attaches'; readonly target: string }
  /** Entries of a map. `keys`: as text. */
  | { readonly how: 'entry'; readonly keys: readonly string[] }
  /** A map of sockets and the program that sees their data. */
  | { readonly how: 'attached'; readonly attachType: string }
  /** A link and what its program works on: the program that an extension is in, the map that an iterator reads. */
  | { readonly how: 'targets' };

export interface HeldObject extends KernelObject {
  readonly heldBy: readonly Holder[];
  /** It stands above, with all that holds it: `heldBy` is empty here. */
  readonly again: boolean;
}

export type Holder = Root | (Hold & { readonly by: 'object'; readonly object: HeldObject });

export interface Circle {
  readonly holder: KernelObject;
  readonly keys: readonly string[];
  readonly held: KernelObject;
}

export interface References {
  readonly object: HeldObject;
  /** Each once. All of them have to go, or to let go of it, for the object to be freed. */
  readonly roots: readonly Root[];
  /** Entries of maps by which objects hold each other in a circle; `holder` is the map, `held` what is in it. */
  readonly circles: readonly Circle[];
  /** What could hold it and cannot be seen from here, a phrase each. */
  readonly unseen: readonly string[];
}
