/** Loaded before a command (BUN_OPTIONS): its clock is wrong by SHIFT_CLOCK_MS. */
const shift = Number(process.env.SHIFT_CLOCK_MS);
const Real = Date;

globalThis.Date = class extends Real {
  constructor(...given: ConstructorParameters<typeof Date> | []) {
    if (given.length === 0) super(Real.now() + shift);
    else super(...given);
  }
  static override now(): number {
    return Real.now() + shift;
  }
} as DateConstructor;
