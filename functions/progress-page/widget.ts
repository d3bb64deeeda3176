import { ListExecutionsCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { consoleAddress } from './execution.ts';
import { type Html, html } from './html.ts';
import { type Overview, readOverview, type Source } from './overview.ts';
import { errorPage, page } from './page.ts';
import { style } from './style.ts';

/** What a dashboard sends, as far as it is looked at. */
export interface WidgetRequest {
  /** Asks for the widget's documentation. */
  readonly describe?: boolean;
  /** Reads the ledger, whether or not anything has run since the last look. */
  readonly look?: 'now';
  readonly widgetContext?: {
    readonly theme?: string;
    readonly timezone?: { readonly offsetISO?: string };
  };
}

export interface WidgetSource extends Source {
  readonly sfn: SFNClient;
  /** The machine whose executions the runs are. */
  readonly machineArn: string;
}

/** What a dashboard shows where somebody asks what the widget is for. */
export const documentation = `## Data migrations

How every migration stands: its state, how far it is, how fast, when it ends, why it rests; the rows that could not be migrated, by SQLSTATE,
and never with their keys or values; validations; the last runs and what happened. It takes no parameters and changes nothing.

While nothing runs it shows what it last read, so that a dashboard which is left open does not keep a paused Aurora awake.
`;

/**
 * A widget that remembers the last look for as long as Lambda keeps its process: while no execution has run since, it does not ask the
 * database again, which that would wake.
 */
export function widget(
  source: WidgetSource,
): (request: WidgetRequest, functionArn: string) => Promise<string> {
  let last: { readonly overview: Overview; readonly executions: string } | undefined;
  return async ({ describe, look, widgetContext = {} }, functionArn) => {
    if (describe) {
      return documentation;
    }
    try {
      const { executions, isQuiet } = await executionsOf(source);
      const isKnown = isQuiet && last?.executions === executions && look !== 'now';
      const overview = isKnown && last ? last.overview : await readOverview(source);
      last = { overview, executions };
      return framed(
        html`${shown(overview, widgetContext)}${isKnown && lookAgain(functionArn)}`,
        widgetContext,
      );
    } catch (error) {
      return framed(errorPage(error), widgetContext);
    }
  };
}

const shown = (overview: Overview, { timezone }: NonNullable<WidgetRequest['widgetContext']>): Html =>
  page(overview, {
    zone: zoneOf(timezone?.offsetISO),
    howToStart: 'open the state machine in the Step Functions console and choose Start execution',
    addressOf: consoleAddress,
  });

/** The zone of the dashboard's reader, as luxon takes it: `UTC+02:00`. */
const zoneOf = (offset = ''): string => (/^[+-]\d\d:\d\d$/.test(offset) ? `UTC${offset}` : 'UTC');

/** The element that comes before `cwdb-action` is what is clicked. */
function lookAgain(functionArn: string): Html {
  return html`<p class="dm-remark">Nothing has run since. <a class="btn">Look again</a><cwdb-action action="call" endpoint="${functionArn}" display="widget">{"look":"now"}</cwdb-action></p>`;
}

function framed(content: Html, { theme }: NonNullable<WidgetRequest['widgetContext']>): string {
  return html`<style>${style()}</style><div class="dm ${theme === 'dark' ? 'dm-dark' : 'dm-light'}">${content}</div>`
    .text;
}

/** The latest executions as text that is another one when any of them has begun, ended or been redriven, and whether none is under way. */
async function executionsOf({ sfn, machineArn }: WidgetSource) {
  // Those that a redrive might bring back are among the last ones.
  const list = new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: 50 });
  const { executions = [] } = await sfn.send(list);
  const running = new ListExecutionsCommand({
    stateMachineArn: machineArn,
    statusFilter: 'RUNNING',
    maxResults: 1,
  });
  const underWay = (await sfn.send(running)).executions ?? [];
  return {
    executions: JSON.stringify(
      executions.map(({ executionArn, status, redriveCount, stopDate }) => [
        executionArn,
        status,
        redriveCount,
        stopDate,
      ]),
    ),
    isQuiet: underWay.length === 0,
  };
}
