/** Names for TypeScript, out of those that C has. */

/** `flow_key` → `FlowKey`. */
export function typeIdentifier(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^[A-Za-z]/.test(pascal) ? pascal : `_${pascal}`;
}

/** A property as it is declared: quoted where it is no identifier. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : stringLiteral(name);
}

/** In single quotes, unless that needs more backslashes. */
export function stringLiteral(text: string): string {
  const double = JSON.stringify(text).replace(/[\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
  return text.includes("'") ? double : `'${double.slice(1, -1).replaceAll('\\"', '"')}'`;
}

/** Text that cannot end the comment in which it stands. */
export function commentText(text: string): string {
  return text.replaceAll('*/', '*\\/').replace(/\s+/g, ' ');
}
