/** How one value of the state is written into a link, and what of it is taken back. */
export type FieldKind =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly of: readonly (string | number)[] }
  | { readonly kind: 'choices'; readonly of: readonly (string | number)[]; readonly longest: number }
  | { readonly kind: 'numbers'; readonly min: number; readonly max: number; readonly longest: number };

export type Field<S> = FieldKind & {
  readonly name: keyof S & string;
  /** One or two letters; never used again for anything else once links with it exist. */
  readonly key: string;
  /** What stands where a link says nothing, if it follows from the fields before; else `defaults`. */
  readonly otherwise?: (before: S) => unknown;
};

/** One station's part of the state: plain data with its defaults, and the list from which links are made. */
export interface Slice<S extends object> {
  /** Letter before the keys of all its fields. */
  readonly key: string;
  readonly defaults: S;
  readonly fields: readonly Field<S>[];
  /** Whether values that are each in range also belong together. */
  readonly sound?: (value: S) => boolean;
}
