/** Words that several commands about links share. */

export const linkParameter = {
  brief: 'A link: its id, or where it is pinned',
  parse: String,
  placeholder: 'ID|PIN',
} as const;
