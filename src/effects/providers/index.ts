export {
  type ActionDefinition,
  type Answer,
  type Call,
  type Captured,
  type ContentStore,
  type Failure,
  type Imaging,
  type Judged,
  type KeptContent,
  type Network,
  type Progress,
  type Protection,
  type Provider,
  type ResourceReading,
  type Reversal,
  type Standing,
} from '../provider.ts'
export { filesystem } from './filesystem/filesystem.ts'
export { NoEffect, UncertainEffect } from './function/effect-error.ts'
export {
  functions,
  type FunctionContext,
  type FunctionDefinition,
  type FunctionsOptions,
  type FunctionTable,
  type PlainFunction,
} from './function/functions.ts'
export type { StandardSchema } from './function/schema.ts'
export { http } from './http/http.ts'
export type { HttpOptions } from './http/options.ts'
export { secretsIn } from './http/secret-files.ts'
export type { Secret, SecretSource } from './http/secrets.ts'
export { flag, integer, oneOf, optional, shape, text, type ParamRule } from './params.ts'
export { describeJail, type JailFacts } from './process/housing.ts'
export type { ProcessesOptions } from './process/options.ts'
export { processes } from './process/processes.ts'
