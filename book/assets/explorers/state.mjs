// @ts-check
/**
 * The state of an explorer as text in a link, such as `input=1,0;0,1&stride=2`, and back. Whatever the text holds, reading it gives a valid state.
 * @typedef {{read: (text: string) => any, write: (value: any) => string}} Field how one setting is written; `read` throws RangeError
 * @typedef {Record<string, any>} State
 */

const quote = (text) => `“${text.length > 20 ? `${text.slice(0, 20)}…` : text}”`;

/** @param {string} text @returns {number} a number as people write it @throws {RangeError} */
export function readNumber(text) {
  const plain = text.trim().replace("−", "-").replace(/^(-?\d*),(\d{1,2})$/, "$1.$2");
  if (!/^-?(\d{1,6}(\.\d{0,6})?|\.\d{1,6})$/.test(plain)) throw new RangeError(`${quote(text)} is no number that fits here. Write one such as 3, −1 or 0.5.`);
  return Number(plain) || 0;
}

/** @param {number} least @param {number} most @returns {Field} a whole number */
export const whole = (least, most) => ({
  write: String,
  read(text) {
    if (!/^\d{1,6}$/.test(text) || +text < least || +text > most) throw new RangeError(`${quote(text)} is no whole number from ${least} to ${most}.`);
    return +text;
  },
});

/** @param {string[]} options @returns {Field} one of some words */
export const choice = (options) => ({
  write: String,
  read(text) {
    if (!options.includes(text)) throw new RangeError(`${quote(text)} is none of ${options.join(", ")}.`);
    return text;
  },
});

/** @param {number} rows @param {number} columns @returns {Field} rows of numbers, at most so many */
export const numbers = (rows, columns) => ({
  write: (grid) => grid.map((row) => row.join(",")).join(";"),
  read(text) {
    const grid = text.slice(0, 9999).split(";").map((row) => row.split(","));
    if (grid.length > rows || grid[0].length > columns) throw new RangeError(`at most ${rows} rows of ${columns} numbers fit here.`);
    if (grid.some((row) => row.length !== grid[0].length)) throw new RangeError("the rows differ in length.");
    return grid.map((row) => row.map(readNumber));
  },
});

/**
 * @param {string} text @param {Record<string, Field>} fields @param {State} start what holds where the text says nothing, or nothing valid
 * @returns {{state: State, problems: string[]}} a sentence for each thing that could not be read
 */
export function readState(text, fields, start) {
  const state = { ...start }, problems = [];
  for (const [name, value] of new URLSearchParams(text)) {
    try {
      if (!Object.hasOwn(fields, name)) throw new RangeError("there is no such setting here.");
      state[name] = fields[name].read(value);
    } catch (error) {
      problems.push(`In the link, ${quote(name)}: ${error.message}`);
    }
  }
  return { state, problems: problems.slice(0, 3) };
}

/** @param {State} state @param {Record<string, Field>} fields @returns {string} */
export const writeState = (state, fields) => Object.entries(fields).map(([name, field]) => `${name}=${field.write(state[name])}`).join("&");
