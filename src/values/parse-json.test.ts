import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XdpkitError } from '../errors/error.js';
import { parseJson } from './parse-json.js';

/** Integers beyond what a number holds are rounded as JSON.parse rounds them. */
function outcome(parse: () => unknown): string {
  try {
    return JSON.stringify(parse(), (_, value) => (typeof value === 'bigint' ? Number(value) : value));
  } catch {
    return 'refused';
  }
}

test('any JSON reads as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.equal(
        outcome(() => parseJson(text)),
        outcome(() => JSON.parse(text)),
      );
    }),
  );
});

test('what JSON.parse refuses is refused, and no more', () => {
  const characters = fc.array(fc.constantFrom(...'{}[]:,"\\0e1-+. \ntruefalsn'.split('')), { maxLength: 12 });
  fc.assert(
    fc.property(characters, (parts) => {
      const text = parts.join('');
      const expected = outcome(() => JSON.parse(text));
      // Twice the same name is a mistake that JSON.parse lets pass, and here none can be meant.
      const got = outcome(() => parseJson(text));
      if (!/"(.*?)":.*"\1"\s*:/s.test(text)) assert.equal(got, expected, text);
    }),
    { numRuns: 3000 },
  );
});

test('integers of any size are exact', () => {
  assert.deepEqual(parseJson('[9007199254740991, 9007199254740993, -18446744073709551615]'), [
    9007199254740991,
    9007199254740993n,
    -18446744073709551615n,
  ]);
});

test('the error says what is wrong, and where', () => {
  const complaints: [string, RegExp][] = [
    ['{"a": 1', /: it ends too early$/],
    ['{"a" 1}', /: a colon is expected at `1}`$/],
    ['{a: 1}', /: there is a word that is not quoted at `a: 1}`$/],
    ['[1, ]', /: a value is expected, not \] at `\]`$/],
    ['{"a": 1, "a": 2}', /: "a" is there twice/],
    ['[1] 2', /: more follows its end at `2`$/],
    ['{"a": 007}', /: a number begins with 0/],
    ['['.repeat(100), /: it is nested too deep/],
  ];
  for (const [text, complaint] of complaints) {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof XdpkitError && error.code === 'USAGE' && complaint.test(error.message),
      text,
    );
  }
});

test('a member named __proto__ is a member', () => {
  const value = parseJson('{"__proto__": 1}');
  assert.deepEqual(Object.keys(value as object), ['__proto__']);
});
