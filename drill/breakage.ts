import type { AlarmName } from '../infra/operations/alarm-names.ts';
import type { Stack } from './stack/stack.ts';

/** A way to break the stack, and what is to be seen of it. */
export interface Breakage {
  /** What happens, as the drill prints it. */
  readonly what: string;
  /** The alarms that go off, and no others do. */
  readonly alarms: readonly AlarmName[];
  /** What the subjects of the notices say, in their order. */
  readonly notices: readonly string[];
  /** A line of the page that shows it. */
  readonly page: RegExp;
  /**
   * Breaks it, for as long as it takes until somebody notices. It finds 30 orders, 30 events and an empty ledger. The tables are made anew
   * after it; whatever else it has broken it mends.
   */
  happen(stack: Stack): Promise<void>;
}
