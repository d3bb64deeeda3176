import type { AlarmName } from '../../infra/operations/alarm-names.ts';
import type { Sns } from '../../local/sns/sns.ts';
import type { Alarms } from './alarms.ts';
import type { Page } from './page.ts';
import type { DrillTime } from './time.ts';

export interface WitnessOptions {
  readonly alarms: Alarms;
  readonly page: Page;
  readonly sns: Pick<Sns, 'messages'>;
  readonly time: DrillTime;
}

/** An alarm that went off. */
export interface GoneOff {
  readonly alarm: AlarmName;
  /** How long after the beginning, in seconds. */
  readonly after: number;
  /** Whether time was moved on until then. */
  readonly wasMoved: boolean;
}

/** What was seen of a breakage. */
export interface Testimony {
  readonly goneOff: readonly GoneOff[];
  /** The subjects of the notices. */
  readonly notices: readonly string[];
  /** What the page said, whenever it was read. */
  readonly page: readonly string[];
}

/** Sees what alarms, notices and the page say. */
export class Witness {
  readonly #options: WitnessOptions;
  #goneOff: GoneOff[] = [];
  #page: string[] = [];
  #beginning = { at: 0, movedSeconds: 0, messages: 0 };

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Forgets what was before. */
  begin(): void {
    const { time, sns } = this.#options;
    this.#goneOff = [];
    this.#page = [];
    this.#beginning = { at: time.now(), movedSeconds: time.movedSeconds, messages: sns.messages.length };
  }

  /** Looks at the alarms. Whenever one goes off, reads the page. */
  async look(): Promise<void> {
    const { alarms, time } = this.#options;
    const { at, movedSeconds } = this.#beginning;
    const going = await alarms.goingOff();
    const fresh = going.filter((alarm) => this.#goneOff.every((each) => each.alarm !== alarm));
    if (fresh.length === 0) {
      return;
    }
    const after = (time.now() - at) / 1_000;
    const wasMoved = time.movedSeconds - movedSeconds > 1; // more than a rest between batches
    this.#goneOff.push(...fresh.map((alarm) => ({ alarm, after, wasMoved })));
    await this.readPage();
  }

  /** Whether an alarm has gone off. */
  hasSeen(alarm: AlarmName): boolean {
    return this.#goneOff.some((each) => each.alarm === alarm);
  }

  async readPage(): Promise<void> {
    this.#page.push(...(await this.#options.page.read()));
  }

  get testimony(): Testimony {
    const { messages } = this.#options.sns;
    const notices = messages.slice(this.#beginning.messages).map(({ subject }) => subject);
    return { goneOff: this.#goneOff, notices, page: this.#page };
  }
}
