export {
  type ActionDefinition,
  type Answer,
  type Call,
  type Failure,
  type Protection,
  type Provider,
  type ResourceReading,
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
export { flag, integer, oneOf, optional, shape, text, type ParamRule } from './params.ts'
