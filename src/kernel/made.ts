/** What a load has made so far: handed to who asked for it at the end, or taken back. */
export class Made implements Disposable {
  readonly #resources: Disposable[] = [];
  readonly #pins: (() => void)[] = [];

  keep<Resource extends Disposable>(resource: Resource): Resource {
    this.#resources.push(resource);
    return resource;
  }

  /** `unpin` takes back what was pinned or replaced. */
  pinned(unpin: () => void): void {
    this.#pins.push(unpin);
  }

  removeNewPins(): void {
    throwFirst(this.#unpin());
  }

  /** Of a load that failed, for a reason which is the one to tell. */
  takeBack(): void {
    // Pins come first: what they replaced must be open to be pinned again.
    this.#unpin();
    this.#close();
  }

  [Symbol.dispose](): void {
    throwFirst(this.#close());
  }

  #unpin(): unknown[] {
    return failuresOf(this.#pins.splice(0).reverse());
  }

  #close(): unknown[] {
    const resources = this.#resources.splice(0).reverse();
    return failuresOf(resources.map((resource) => () => resource[Symbol.dispose]()));
  }
}

/** Of steps that are all taken, whichever fails. */
function failuresOf(steps: readonly (() => void)[]): unknown[] {
  return steps.flatMap((step) => {
    try {
      step();
      return [];
    } catch (error) {
      return [error];
    }
  });
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0];
}
