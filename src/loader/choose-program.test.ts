import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fails, open, token } from '../xdp/real.test.support.js';
import { chooseXdpProgram } from './choose-program.js';

const named = (name: string) => `${name}_${token}`;

test('the only XDP program needs no name; of several the error lists all', () => {
  assert.deepEqual(chooseXdpProgram(open('ONE').spec), { name: named('alone'), type: 'xdp', attachType: 'xdp' });
  const { spec } = open('TWO');
  assert.throws(
    () => chooseXdpProgram(spec),
    fails('PROGRAM_AMBIGUOUS', named('drop'), named('pass'), `--prog ${named('drop')}`),
  );
  assert.throws(() => chooseXdpProgram(spec, { section: 'xdp' }), fails('PROGRAM_AMBIGUOUS'));
  assert.equal(chooseXdpProgram(spec, { program: named('pass') }).name, named('pass'));
  assert.equal(chooseXdpProgram(spec, { program: named('pass'), section: 'xdp' }).name, named('pass'));
});

test('any section name will do for a program that the user names', () => {
  const { spec } = open('OLD');
  const old = { name: named('old'), type: 'xdp', attachType: 'xdp' };
  assert.deepEqual(chooseXdpProgram(spec, { program: named('old') }), old);
  assert.deepEqual(chooseXdpProgram(spec, { section: 'xdp_drop' }), old);
  assert.deepEqual(chooseXdpProgram(spec), old, 'the name begins as those of XDP do');
  const programs = spec.programs.map((program) => ({ ...program, section: 'prog', type: undefined }));
  const silent = { ...spec, programs };
  assert.throws(() => chooseXdpProgram(silent), fails('PROGRAM_NOT_FOUND', 'no XDP program', '"prog"', '--prog'));
});

test('what there is not, or is of another type', () => {
  const { spec } = open('TWO');
  assert.throws(
    () => chooseXdpProgram(spec, { program: 'x' }),
    fails('PROGRAM_NOT_FOUND', 'no program "x"', named('pass')),
  );
  assert.throws(() => chooseXdpProgram(spec, { section: 'x' }), fails('PROGRAM_NOT_FOUND', 'in section "x"'));
  const other = open('NO_XDP').spec;
  assert.throws(() => chooseXdpProgram(other), fails('PROGRAM_NOT_FOUND', 'no XDP program', 'socket'));
  assert.throws(() => chooseXdpProgram(other, { section: 'socket' }), fails('PROGRAM_NOT_FOUND', 'socket_filter'));
});
