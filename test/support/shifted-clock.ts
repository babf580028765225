/**
 * Loaded before a command (BUN_OPTIONS): its clock is wrong by SHIFT_CLOCK_MS, from SHIFT_CLOCK_AFTER_MS of its life on. It
 * says then what time it is for the command.
 */
const { SHIFT_CLOCK_MS, SHIFT_CLOCK_AFTER_MS = "0" } = process.env;
const Real = Date;
const shift = () => (performance.now() < Number(SHIFT_CLOCK_AFTER_MS) ? 0 : Number(SHIFT_CLOCK_MS));

globalThis.Date = class extends Real {
  constructor(...given: ConstructorParameters<typeof Date> | []) {
    if (given.length === 0) super(Real.now() + shift());
    else super(...given);
  }
  static override now(): number {
    return Real.now() + shift();
  }
} as DateConstructor;

if (Number(SHIFT_CLOCK_AFTER_MS) > 0) {
  setTimeout(
    () => console.error(`the clock says ${new Date().toISOString()}`),
    Number(SHIFT_CLOCK_AFTER_MS) + 1,
  ).unref();
}
