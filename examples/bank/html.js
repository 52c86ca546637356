/** HTML that cannot be injected into: whatever is put into a template is escaped, unless it is HTML itself. */

/** A piece of HTML. */
export class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @typedef {string | number | Html | null | undefined | false | Part[]} Part */

/** @param {TemplateStringsArray} strings @param {...Part} parts */
export function html(strings, ...parts) {
  return new Html(strings.reduce((text, string, index) => text + written(parts[index - 1]) + string));
}

/** @param {Part} part @returns {string} */
function written(part) {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(written).join('');
  return String(part).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
