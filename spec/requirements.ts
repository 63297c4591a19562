/**
 * What must hold, by id. `built` ones are cited by at least one test through `guards(...)`, or the tests fail;
 * the others wait for their engine and say so in the README's status table.
 */
export const requirements = {
  'GATE-01': {
    built: true,
    says: '`/w/../secret`, `//`, `./`, trailing slash, NUL, `%2e%2e`, Unicode look-alikes: one canonical form or invalid',
  },
  'GATE-02': {
    built: true,
    says: 'symlinks (file, parent directory, dangling on write) never lead outside; a path swapped between check and open is not followed',
  },
  'GATE-03': {
    built: true,
    says: '`/w_evil` is not under `/w`; `*` stays in one segment; `**` crosses; `/w` against `/w/**` is decided and documented',
  },
  'GATE-04': {
    built: true,
    says: 'empty policy, unknown action, unknown provider: refused. Null, wrong types, unknown keys, duplicate keys: load error with position',
  },
  'GATE-05': {
    built: true,
    says: 'constraints are strict: `true` is not `1`, `GET` is not `get`, an omitted param is not its default, `__proto__` never matches',
  },
  'GATE-06': {
    built: true,
    says: 'http: only http(s); userinfo, suffix hosts, ports, IDN, trailing dots canonical; every redirect re-authorised; loopback, private and metadata addresses refused by default, also after DNS; response size and time bounded',
  },
  'GATE-07': {
    built: true,
    says: 'process: no shell; arguments are policy-visible; an allowed binary with unlisted arguments is refused; timeout kills the tree; output capped',
  },
  'GATE-08': {
    built: false,
    says: 'mcp: a server that hangs, floods stderr, dies, changes its tool list or lies about schemas: bounded, recorded, others unaffected',
  },
  'GATE-09': {
    built: true,
    says: 'every submit, also one that throws a non-Error, is cancelled or crashes: exactly one terminal entry',
  },
  'GATE-10': {
    built: false,
    says: 'malformed tool-call JSON and unknown tools from a model: one entry each, the loop goes on',
  },
  'GATE-11': {
    built: true,
    says: 'ledger unwritable before the effect: nothing happens; failing after it: `unknown` unless the provider proves otherwise, never `failed`',
  },
  'GATE-12': {
    built: true,
    says: 'a retried request with the same idempotency key: one effect, the same answer, no second entry; the same key with another body: conflict; keys of two principals never meet',
  },
  'GATE-13': {
    built: true,
    says: "Kestrel's own data, keys, policy file and sockets are out of reach of every provider under every policy, by path, link, mount, case, inode and child process",
  },
  'GATE-14': {
    built: true,
    says: 'on case-insensitive or Unicode-normalising volumes `.ENV` does not slip past `**/.env`: the on-disk name decides',
  },
  'GATE-15': { built: true, says: 'an action with two resources is judged on both: `fs.move .env x.txt` is refused' },
  'GATE-16': {
    built: true,
    says: "a flood of refused requests by one principal neither fills the disk nor slows another principal's beyond a stated bound",
  },
  'GATE-17': {
    built: true,
    says: 'overlapping allow rules: strictest obligations win, in every order of the rules; `who` and roles narrow, never widen',
  },
  'GATE-18': {
    built: false,
    says: 'reload: in-flight requests keep their policy; a bad file keeps the old one; the switch is in the log before the first decision under it',
  },
  'UNDO-01': { built: true, says: 'capture never reads what policy would refuse' },
  'UNDO-02': { built: true, says: 'binary content, mode, times, absence restored exactly' },
  'UNDO-03': {
    built: true,
    says: "a new file's undo deletes it under the original permit; explicit denies apply, and submit warns then",
  },
  'UNDO-04': { built: true, says: 'a refused undo keeps the before-image' },
  'UNDO-05': { built: true, says: 'twice, expired, forged or foreign ids: refused, distinct codes' },
  'UNDO-06': { built: true, says: 'the target changed since: conflict unless forced' },
  'UNDO-07': { built: true, says: 'a tampered snapshot: integrity error' },
  'UNDO-08': { built: true, says: 'undo can be undone' },
  'UNDO-09': { built: true, says: 'undo touches only what the entry recorded' },
  'LED-01': {
    built: true,
    says: 'flip, insert, delete, reorder, truncate the tail, and, given any earlier checkpoint, swap the whole log for an older or forked one: each detected and named',
  },
  'LED-02': {
    built: true,
    says: 'crash at every step of an append (kill -9 loop): nothing acknowledged is lost, a torn tail is not called tampering',
  },
  'LED-03': { built: true, says: 'two writers: the second is refused' },
  'LED-04': { built: true, says: 'a verifier with only the public key verifies and cannot forge' },
  'LED-05': { built: true, says: 'inclusion and consistency proofs against foreign vectors and foreign verifiers' },
  'LED-06': { built: true, says: 'disk full, fsync error, read-only directory: fail closed, recover clean' },
  'LED-07': { built: true, says: 'N writers × M submits: N·M entries' },
  'LED-08': { built: true, says: 'payload deleted by retention: the log still verifies' },
  'LED-09': { built: true, says: 'no canary secret in any file but the sealed vault' },
  'LED-10': { built: true, says: 'round trip: parse(format(x)) = x, anything else refused' },
  'LED-11': { built: false, says: 'key rotation: old receipts verify, new entries by the old key do not' },
  'LED-12': {
    built: true,
    says: 'power loss that drops or reorders any unsynced writes: a torn tail, never "corruption", nothing durable lost',
  },
  'LED-13': { built: true, says: 'WAL batches appended by someone without the key: refused at start' },
  'LED-14': { built: true, says: "a recycled segment's old bytes never parse as new" },
  'LED-15': { built: true, says: 'an intent without an entry survives any number of restarts until settled' },
  'LED-16': {
    built: true,
    says: 'every format of FORMATS.md round-trips, and every other byte string is a named error',
  },
  'DIS-01': {
    built: true,
    says: 'escape sequences, bidi, zero-width, look-alikes, newlines, padding in any value shown by log, explain, approval, error, console: visible, never active',
  },
  'DIS-02': {
    built: false,
    says: 'a guarded parameter is never truncated in an approval; an approval given for one digest cannot run another',
  },
  'KEY-01': { built: true, says: 'a copied data directory signs and opens nothing' },
  'KEY-02': { built: true, says: 'wrong permissions on keys: refused with the fix' },
  'KEY-03': { built: true, says: 'lost key: the log still verifies, the kernel says what is lost' },
  'KEY-04': { built: true, says: 'two data directories never share a log key by accident' },
  'TOK-01': {
    built: false,
    says: 'another principal, another capability, any flipped bit, widened constraints: refused, provider never called',
  },
  'TOK-02': { built: false, says: 'expired exactly at expiry' },
  'TOK-03': {
    built: false,
    says: 'revoked (one, all, unknown id), seen by every client at once and after restart; its handles stop expanding',
  },
  'TOK-04': { built: false, says: 'rotated keys verify in the overlap only' },
  'TOK-05': { built: false, says: 'attenuation only narrows (property test)' },
  'TOK-06': { built: false, says: 'roles in a request body are ignored' },
  'TOK-07': { built: false, says: 'over-long TTL refused, not clamped' },
  'TOK-08': { built: false, says: 'rates count invocations, not grants; two clients share a window' },
  'TOK-09': { built: false, says: 'denied grant: no token, stable code, entry' },
  'TOK-10': { built: false, says: 'failure at invoke is recorded' },
  'TOK-11': { built: false, says: '`/safe/../x` does not pass a `/safe/` caveat' },
  'TOK-12': { built: true, says: 'dry run predicts the real outcome and has no effect' },
  'SCR-01': {
    built: false,
    says: 'canaries (card, e-mail, phone, SSN, bearer, JWT, cloud and VCS keys, connection strings, basic auth) absent from every mode, expand, stream, error, trace; also as object keys, in arrays, Maps, Sets, Buffers, numbers, nested, split over stream chunks',
  },
  'SCR-02': {
    built: false,
    says: 'limits hold in every mode (rows, fields, characters, depth); beyond depth is elided, never verbatim',
  },
  'SCR-03': { built: false, says: 'linear time on 1 MB hostile input' },
  'SCR-04': { built: false, says: 'raw for a non-admin becomes a summary with a warning' },
  'SCR-05': {
    built: false,
    says: 'expand trusts only stored metadata; forged constraints or principal: mismatch; paging cannot exceed max_rows in total; NaN, negative, huge offsets refused',
  },
  'SCR-06': { built: false, says: 'expired and evicted handles: distinct codes' },
  'SCR-07': { built: false, says: 'dates and version strings are not redacted as cards' },
  'RUN-01': { built: false, says: 'an action marked for approval suspends whatever its cost or budget' },
  'RUN-02': { built: false, says: 'full replay: zero live calls, zero charge, same ids' },
  'RUN-03': { built: false, says: 'changed argument, order, or fewer calls than journalled: divergence with index' },
  'RUN-04': {
    built: false,
    says: 'approve twice, approve after reject, approve an expired or foreign one: refused, executes at most once',
  },
  'RUN-05': { built: false, says: 'arguments changed after showing: approval void' },
  'RUN-06': { built: false, says: 'policy tightened between hold and approve: refused' },
  'RUN-07': { built: false, says: 'failure while approved: budget released, state kept' },
  'RUN-08': { built: false, says: 'empty or unrecognised answer is a no' },
  'RUN-09': { built: false, says: 'modify keeps the original request on record' },
  'RUN-10': { built: false, says: 'review flags are set at execution and never change' },
  'RUN-11': {
    built: false,
    says: 'fork at 0, last, out of range; two forks differ in id; parent bit-identical; budgets, context, provenance of step N',
  },
  'RUN-12': { built: false, says: 'delegation never exceeds the parent; reclaim conserves' },
  'RUN-13': { built: false, says: 'NaN, negative, infinite budgets refused' },
  'RUN-14': {
    built: false,
    says: 'crash between effect and entry: `unknown`, a human decides, never silently repeated',
  },
  'RUN-15': { built: false, says: 'kill -9 anywhere in a run: resume finishes it with each effect once' },
  'RUN-16': { built: false, says: 'a rejected agent sees a distinguishable refusal' },
  'RUN-17': { built: false, says: 'evicted context comes back bit-exact; pinned is never evicted' },
  'RUN-18': { built: false, says: 'quorum counts distinct authenticated approvers' },
  'VM-01': {
    built: false,
    says: 'infinite loop, microtask loop, ReDoS, recursion, memory bombs, native long calls: contained, named; neighbours lose no acknowledged step',
  },
  'VM-02': { built: false, says: 'no ambient clock, randomness, network, files, host objects, prototype of the host' },
  'VM-03': { built: false, says: 'two VMs never share random state, also after fork' },
  'VM-04': { built: false, says: 'snapshot in one process, resume in another: same output as uninterrupted' },
  'VM-05': { built: false, says: 'edited, truncated, stale or foreign snapshot: refused' },
  'VM-06': { built: false, says: 'hostile hostcall arguments: bounded, recorded' },
  'VM-07': {
    built: false,
    says: 'host code in the jail as if the engine were broken: no file, socket (AF_VSOCK too), fork, exec, ptrace',
  },
  'VM-08': { built: false, says: '2,000 idle agents on one node' },
  'ID-01': { built: false, says: 'bundle signed by an embedded foreign key: refused' },
  'ID-02': { built: false, says: 'succession fork, cycle, self-succession, wrong time: refused' },
  'ID-03': { built: false, says: 'failed import changes nothing' },
  'ID-04': {
    built: false,
    says: 'import of links, FIFOs, oversize, zip bombs: refused; exported files 0600, never overwritten',
  },
  'ID-05': { built: false, says: 'keys never in logs, dumps, core arguments, environment of children' },
  'ID-06': { built: false, says: 'export to an unlisted destination or of over-retention data: aborted and recorded' },
  'FLOW-01': {
    built: false,
    says: 'a value only seen in untrusted results cannot fill a guarded parameter, also quoted, re-cased, re-encoded, split, concatenated or retyped by the documented transforms; a value that matches nothing is not allowed either',
  },
  'FLOW-02': { built: false, says: 'the same value given by the user can' },
  'FLOW-03': { built: false, says: 'provenance survives summaries, handles, memory, fork, delegation' },
  'FLOW-04': { built: false, says: 'an unlabelled source counts as untrusted' },
  'WIRE-01': {
    built: false,
    says: 'unknown version, bad content type, oversized, slow, half-open, unauthenticated, flooding clients: typed error, bounded resources',
  },
  'WIRE-02': {
    built: false,
    says: 'every KernelError code has one HTTP status, is in openapi.json, and is raised in a test through both clients',
  },
  'WIRE-03': {
    built: false,
    says: 'kill the sidecar mid-call: the client learns `unknown` or the true outcome after restart, never a second effect',
  },
  'WIRE-04': { built: false, says: 'the socket and data directory are 0700/0600; other users are refused' },
} as const

export type RequirementId = keyof typeof requirements
