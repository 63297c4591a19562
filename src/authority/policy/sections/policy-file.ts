import { Conditions } from '../condition.ts'
import type { Findings } from '../findings.ts'
import { nameOf, type MapNode, type Node } from '../node.ts'
import { optional, record, type Placed, type Reader } from '../shape.ts'
import { accessSection, type AccessDraft } from './access.ts'
import { approvalSection, identitySection, type ApprovalDraft, type IdentityDraft } from './consent.ts'
import { flowsSection, sourcesSection, type FlowDraft, type SourceDraft } from './flows.ts'
import { limitsSection, type LimitsDraft } from './limits.ts'
import { mountsSection } from './mounts.ts'
import {
  classifySection,
  exportSection,
  retentionSection,
  type ClassifyDraft,
  type ExportDraft,
  type RetentionDraft,
} from './records.ts'
import { rulesSection, type AllowDraft, type RuleHead } from './rules.ts'

/** The `policy:` block of the field. */
interface BlockDraft extends Placed {
  readonly retention?: readonly RetentionDraft[]
  readonly access?: readonly AccessDraft[]
  readonly export?: readonly ExportDraft[]
}

/** A whole policy as it was written, validated but not compiled. */
export interface PolicyDraft extends BlockDraft {
  readonly version?: 1
  readonly mounts?: ReadonlyMap<string, string>
  readonly allow?: readonly AllowDraft[]
  readonly capabilities?: readonly AllowDraft[]
  readonly deny?: readonly RuleHead[]
  readonly limits?: LimitsDraft
  readonly approval?: ApprovalDraft
  readonly sources?: readonly SourceDraft[]
  readonly flows?: readonly FlowDraft[]
  readonly classify?: readonly ClassifyDraft[]
  readonly identity?: IdentityDraft
  readonly policy?: BlockDraft
}

const version: Reader<1> = (node, findings) =>
  node.kind === 'scalar' && node.value === 1
    ? 1
    : findings.problem(
        node.at,
        'version',
        `this Kestrel reads version 1 of the policy file, not ${nameOf(node)}; write \`version: 1\``,
      )

const block = {
  retention: optional(retentionSection),
  access: optional(accessSection),
  export: optional(exportSection),
}

/**
 * Reads a whole policy. Two shapes from the field need no `version`: a bare `capabilities` list, and a `policy` block with
 * `retention`, `access` and `export`.
 */
export function readPolicyFile(node: Node, baseDirectory: string, findings: Findings): PolicyDraft | undefined {
  const rules = rulesSection(new Conditions())
  const read = record<PolicyDraft>('a policy', {
    version: optional(version),
    mounts: optional(mountsSection(baseDirectory)),
    allow: optional(rules.allow),
    capabilities: optional(rules.allow),
    deny: optional(rules.deny),
    ...block,
    limits: optional(limitsSection),
    approval: optional(approvalSection),
    sources: optional(sourcesSection),
    flows: optional(flowsSection),
    classify: optional(classifySection),
    identity: optional(identitySection),
    policy: optional(record<BlockDraft>('the `policy` block', block)),
  })
  const draft = read(node, findings)
  if (node.kind === 'map') checkShape(node, findings)
  return draft
}

function checkShape(node: MapNode, findings: Findings): void {
  const has = (key: string): boolean => node.members.some((member) => member.key === key)
  if (has('allow') && has('capabilities')) {
    twice(node, 'capabilities', '`allow` and `capabilities` mean the same; keep one list', findings)
  }
  const inner = node.members.find(({ key }) => key === 'policy')?.value
  for (const { key } of inner?.kind === 'map' ? inner.members : []) {
    if (Object.hasOwn(block, key) && has(key)) {
      twice(node, key, `\`${key}\` stands here and in the \`policy\` block; keep one`, findings)
    }
  }
  if (node.members.length > 0 && !has('version') && !has('capabilities') && !has('policy')) {
    findings.problem(node.at, 'missing_key', 'a policy needs its `version`; add the line `version: 1`')
  }
}

function twice(node: MapNode, key: string, message: string, findings: Findings): void {
  const at = node.members.find((member) => member.key === key)?.keyAt ?? node.at
  findings.problem(at, 'duplicate_key', message)
}
