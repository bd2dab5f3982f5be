// What the programs beside this file prove their points with.

/** Holds for equal types only. */
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** Compiles only if its argument's type says true. */
declare function holds<T extends true>(proof?: T): void
