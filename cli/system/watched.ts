import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import { wasRefused } from '../../functions/engine/ledger/execution-purpose.ts';
import { isAlive } from '../../functions/engine/ledger/execution-status.ts';
import { allUnderWay, describeSoon, leftToBackground } from './executions.ts';
import type { System } from './system.ts';

/** What was under way at some time since somebody began to watch: each execution as it was at the last look, by its ARN. */
export type Watched = Map<string, DescribeExecutionOutput>;

/** What has happened since the look before. */
export interface News {
  readonly begun: readonly DescribeExecutionOutput[];
  readonly ended: readonly DescribeExecutionOutput[];
}

export const isUnderWay = ({ status }: DescribeExecutionOutput): boolean => isAlive(status);

/** Looks at all that is under way now, and at what was at the look before. A start that was refused does not count. */
export async function lookAgain(system: System, watched: Watched): Promise<News> {
  const before = [...watched].flatMap(([arn, execution]) => (isUnderWay(execution) ? [arn] : []));
  const now = new Map((await allUnderWay(system)).map((each) => [String(each.executionArn), each]));
  const begun: DescribeExecutionOutput[] = [];
  const ended: DescribeExecutionOutput[] = [];
  const arns = [...new Set([...before, ...now.keys()])];
  for (let arn = arns.shift(); arn !== undefined; arn = arns.shift()) {
    const execution = now.get(arn) ?? (await describeSoon(system, arn));
    if (wasRefused(execution)) {
      watched.delete(arn);
      continue;
    }
    watched.set(arn, execution);
    if (!before.includes(arn)) {
      begun.push(execution);
    }
    if (!isUnderWay(execution)) {
      ended.push(execution);
      // The list of what is under way may not have it yet.
      const left = leftToBackground(execution).map(([, background]) => background);
      arns.push(...left.filter((each) => !watched.has(each) && !arns.includes(each)));
    }
  }
  return { begun, ended };
}
