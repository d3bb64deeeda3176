import * as v from 'valibot';
import type { FunctionSpec } from '../lambda/function-spec.ts';
import { type Resolve, textOf } from './intrinsics.ts';
import { propertiesOf } from './properties.ts';
import type { Resource } from './template.ts';

const number = v.pipe(v.union([v.number(), v.string()]), v.transform(Number));

/** Lambda's defaults for what a template leaves out: 128 MB, 3 s. */
const functionProperties = v.object({
  Handler: v.optional(v.unknown()),
  Runtime: v.optional(v.unknown()),
  MemorySize: v.optional(number, 128),
  Timeout: v.optional(number, 3),
  Environment: v.optional(v.object({ Variables: v.optional(v.record(v.string(), v.unknown()), {}) }), {}),
  Code: v.optional(v.object({ S3Key: v.optional(v.unknown()) }), {}),
});

/**
 * Reads an `AWS::Lambda::Function`.
 *
 * @returns its configuration; `code` is the bundle's folder within the cloud assembly.
 */
export function readFunction(
  id: string,
  resource: Resource,
  resolve: Resolve,
): Omit<FunctionSpec, 'log' | 'version'> & { readonly logicalId: string } {
  const properties = propertiesOf(id, resource, functionProperties);
  const runtime = textOf(resolve, properties.Runtime, `Runtime of ${id}`);
  if (!runtime.startsWith('nodejs')) {
    throw new Error(`${id}: only Node functions run here, got ${runtime}`);
  }
  const variables = Object.entries(properties.Environment.Variables);
  return {
    logicalId: id,
    name: textOf(resolve, { Ref: id }, id),
    arn: textOf(resolve, { 'Fn::GetAtt': [id, 'Arn'] }, id),
    code: bundleOf(id, resource, properties.Code.S3Key),
    handler: textOf(resolve, properties.Handler, `Handler of ${id}`),
    runtime,
    timeoutSeconds: properties.Timeout,
    memorySize: properties.MemorySize,
    environment: Object.fromEntries(
      variables.map(([name, value]) => [name, textOf(resolve, value, `${name} of ${id}`)]),
    ),
  };
}

/**
 * The bundle's folder within the cloud assembly. The CDK writes it into the metadata when it is asked to; otherwise
 * folder and key are both named after the asset's hash.
 */
function bundleOf(id: string, { Metadata = {} }: Resource, s3Key: unknown): string {
  const path = Metadata['aws:asset:path'];
  if (typeof path === 'string') {
    return path;
  }
  const [, hash] = /^([0-9a-f]{64})\.zip$/.exec(String(s3Key)) ?? [];
  if (hash === undefined) {
    throw new Error(`${id}: its code is no asset of this assembly`);
  }
  return `asset.${hash}`;
}
