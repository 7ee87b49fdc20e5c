import { mapParameter } from '../map-flags.js';
import { defineRefs } from '../refs-command.js';

export const refsMap = defineRefs(
  'map',
  'Who keeps a map alive, and what would have to go for it to be freed',
  mapParameter,
);
