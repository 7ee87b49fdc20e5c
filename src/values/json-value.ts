/** Values for JSON, which has no words for some floating-point numbers. */
import type { ValueShape } from '../btf/shape.js';

/** What makes a value of the shape ready for JSON: `NaN`, `Infinity` and `-Infinity` become strings, as they are read. */
export function jsonForm(shape: ValueShape): (value: unknown) => unknown {
  return hasFloat(shape) ? nameNumbers : (value) => value;
}

function hasFloat(shape: ValueShape): boolean {
  if (shape.kind === 'array') return hasFloat(shape.element);
  return shape.kind === 'struct' ? shape.fields.some((field) => hasFloat(field.shape)) : shape.kind === 'float';
}

function nameNumbers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(nameNumbers);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, nameNumbers(part)]));
}
