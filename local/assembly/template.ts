/** A synthesized CloudFormation template: the parts that are read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

/** One resource. Values in `Properties` may be CloudFormation's intrinsics, such as `{ Ref: 'Cluster' }`. */
export interface Resource {
  /** `AWS::Lambda::Function` */
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** The account that the template is read for, as if it were deployed there. */
export interface Environment {
  /** `eu-central-1` */
  readonly region: string;
  /** The account's twelve digits. */
  readonly account: string;
  /** The version number that this deployment publishes of each function. */
  readonly version: string;
}
