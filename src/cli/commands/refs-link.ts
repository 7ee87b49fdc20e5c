import { linkParameter } from '../link-flags.js';
import { defineRefs } from '../refs-command.js';

export const refsLink = defineRefs(
  'link',
  'Who keeps a link alive, and what would have to go for it to end',
  linkParameter,
);
