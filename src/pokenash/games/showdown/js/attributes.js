'use strict';
/** The bracketed attributes at the end of a message: `[from] ability: Static`, `[of] p1a: Raichu`, `[silent]`. */
const {effect} = require('./knowledge.js');

const BRACKET = 91;

/** The text after `[name] ` in the parts from `start` on; "" for a bare `[name]`, null where there is none. */
function attribute(parts, start, name) {
  for (let i = start; i < parts.length; i++) {
    const part = parts[i];
    if (part.charCodeAt(0) !== BRACKET || !part.startsWith(name, 1)) continue;
    const end = name.length + 1;
    if (part[end] === ']') return part.slice(part[end + 1] === ' ' ? end + 2 : end + 1);
  }
  return null;
}

/** The effect named after `[from]`, or null. */
function plainEffect(parts, start) {
  const text = attribute(parts, start, 'from');
  return text === null ? null : effect(text);
}

module.exports = {attribute, plainEffect};
