/** The policy that `kestrel init` writes. @param schema where an editor finds the schema: a path or URL */
export function starterPolicy(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
#
# What agents may do here. Nothing else is allowed, and deny wins over allow.
#   kestrel policy check policy.yaml                 what is wrong with this file
#   kestrel policy explain fs.read /workspace/x.txt  what it says of a request, and why
version: 1

mounts:                           # the name that agents see: the folder it stands for, relative to this file
  /workspace: ./workspace

allow:
  - action: fs.read
    resource: /workspace/**
  - action: fs.list
    resource: /workspace/**
  - action: fs.stat
    resource: /workspace/**
  - action: fs.write
    resource: /workspace/output/**

deny:
  - action: fs.*
    resource: "**/.env"
`
}
