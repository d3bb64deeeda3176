/** A synthesized CloudFormation template, as far as it is read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** The account that the template is thought to be deployed to. */
export interface Environment {
  readonly region: string;
  readonly account: string;
  /** The version number that this deployment publishes of each function. */
  readonly version: string;
}
