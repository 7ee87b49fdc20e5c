import { programParameter } from '../program-parameters.js';
import { defineRefs } from '../refs-command.js';

export const refsProg = defineRefs(
  'program',
  'Who keeps a program alive, and what would have to go for it to be freed',
  programParameter,
);
