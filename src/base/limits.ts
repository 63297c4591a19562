/**
 * Every bound in one place. A loop, queue, body or proof without a limit here is a defect.
 *
 * Sizes are bytes, times are milliseconds, counts are items.
 */
export const limits = {
  /** One entry of the log (FORMATS, "Entry"): the uint16 length of a tlog-tiles bundle. */
  entryBytes: 65_535,
  /** The canonical JSON of one request's params. */
  paramsBytes: 65_536,
  /** One line of a batch: a request with full params and room for escapes. */
  requestLineBytes: 1_048_576,
  /** Nesting of any JSON value from outside. */
  jsonDepth: 64,
  /** Members of any one JSON array or object from outside. */
  jsonMembers: 100_000,
  /** Values of any one object that is handed over in process, all together. */
  jsonValues: 1_000_000,
  actionLength: 128,
  resourceBytes: 4096,
  /** All resources of a request that has several, as JSON: an entry holds them beside the first. */
  resourcesBytes: 16_384,
  pathSegmentBytes: 255,
  principalLength: 128,
  rolesPerPrincipal: 64,
  idempotencyKeyLength: 255,
  justificationBytes: 4096,
  /** A person's words about an approval or a resolution. */
  reasonBytes: 4096,
  /** What a provider may return to an agent, as JSON. */
  resultBytes: 16_777_216,
  /** What `fs.read` returns without `limit`. */
  readBytes: 8_388_608,
  /** Names that `fs.list` returns. */
  listEntries: 10_000,
  /** Files and folders of a tree that is deleted, moved or kept, and how deep they may lie: each level holds a descriptor. */
  treeEntries: 100_000,
  treeDepth: 128,
  /** Names that a search for the spelling on the disk looks at, on volumes that fold names. */
  folderScan: 1_000_000,
  /** Folders of which the file system provider remembers whether they fold names. */
  knownFolders: 4096,
  /** Files of Kestrel's own that are known by identity; beyond it every file with several hard links is refused. */
  protectedFiles: 250_000,
  /** How long a known identity of Kestrel's own files may be out of date, for files without further hard links. */
  protectionAgeMs: 1000,
  /** How long the file system provider keeps open what an action has opened, for the next one. */
  keptOpenMs: 1000,
  /** How old its knowledge may be of where the operator has moved a mount's folder to. */
  keptPlaceMs: 10,
  /** Files, and beside them folders of mounts, that it keeps open at once. */
  keptFiles: 128,
  keptMounts: 32,
  /** What it asks of the disk at once for writes. The log asks through the same four threads: fewer idle, more keep it waiting. */
  diskTurns: 16,
  /** Attempts of one principal that run at once; the next ones wait in a queue of the principal's own. */
  attemptsPerPrincipal: 256,
  /** Requests that wait for their turn, of all principals. */
  waitingAttempts: 65_536,
  /** Principals whose attempts are counted though none of theirs runs. */
  principalsKnown: 10_000,
  /** What each principal may begin in a second while the disk of the log runs low. */
  attemptsPerSecondLow: 20,
  /** The disk of the log runs low when less than this is free, or than this share of it where that is less. */
  lowSpaceBytes: 1_073_741_824,
  lowSpaceShare: 0.05,
  /** Kept for entries that end what has begun: with less free, nothing is begun. */
  headroomBytes: 67_108_864,
  headroomShare: 0.01,
  /** How old what is known of the free space may be before the next entry asks again. */
  spaceAgeMs: 1000,
  /** How long a provider may take unless it says otherwise. */
  performMs: 30_000,
  /** How long a provider may take to answer once its caller has cancelled. */
  cancelGraceMs: 2000,
  /** From one report of progress to the next that the caller is told, and the text of one. */
  progressMs: 100,
  progressBytes: 1024,
  /** The longest that a timer of Node waits: one beyond it fires at once. */
  timerMs: 2_147_483_647,
  /** How long a provider may take to close. */
  closeMs: 10_000,
  /** Content that the vault keeps in pieces: a before-image, the output of a program. */
  contentBytes: 17_179_869_184,
  contentPieceBytes: 1_048_576,
  /** Room that a vault makes at once in the file of a day. */
  vaultRoomBytes: 1_048_576,
  /** Payloads of which a vault remembers where they lie: the others are sought in the files of their day. */
  recentPayloads: 65_536,
  /** Pieces of the day that are known, so that they are not kept twice. */
  knownPieces: 65_536,
  /** The longest that one `net.http` may take, redirects included. It keeps to that by itself, so the gate waits a little longer. */
  httpMs: 120_000,
  httpGraceMs: 5000,
  /** How long a connection may take to stand, and once more for its TLS. */
  httpConnectMs: 10_000,
  /** How long the other side may be silent within a response. */
  httpIdleMs: 30_000,
  /** Redirects that are followed. */
  httpHops: 5,
  httpRequestHeaders: 64,
  httpRequestHeaderBytes: 16_384,
  httpResponseHeaderBytes: 32_768,
  /** The body of a response, as it comes and once it is decompressed. */
  httpResponseBytes: 8_388_608,
  /** Connections of `net.http` at once: more than one principal has attempts, so that none takes them all. */
  httpSockets: 512,
  /** What all responses together hold in memory while they are read. */
  httpHeldBytes: 268_435_456,
  /** Names that are looked up at once, also for those who wait no longer. */
  httpLookups: 128,
  /** Addresses of one name. */
  httpAddresses: 64,
  /** One secret that is sent by reference; a shorter one could not be hidden in a response without hiding much else. */
  secretBytes: 8192,
  secretShortest: 8,
  secretsPerRequest: 4,
  /** Places that one secret may be sent to. */
  secretPlaces: 64,
  /** The longest that a request may give a program, and what it gets when the request does not say. */
  execMs: 600_000,
  execDefaultMs: 30_000,
  /** How long a program's tree may take to be gone once it is ended. */
  execEndMs: 5000,
  /** How long the output of a program that is over may say nothing before it is taken for complete. */
  execDrainMs: 1000,
  /** Looks over all processes of the machine for those that a program has left. */
  execEndRounds: 200,
  /** Programs that run at once. */
  execChildren: 32,
  execArgs: 1024,
  /** All args of one program together, each with the NUL that ends it. */
  execArgBytes: 65_536,
  /** Of each output stream, in the result. */
  execOutputBytes: 1_048_576,
  /** Of each output stream, in the vault; what comes after it is counted and dropped. */
  execKeptBytes: 67_108_864,
  /** Each of the two temporary file systems of a jail. */
  execTemporaryBytes: 268_435_456,
  /** Mounts that a jail shows. */
  execMounts: 64,
  /** Folders in which a program is looked up, and of the host that a jail shows. */
  execFolders: 64,
  /** Files that this process was started with and that a program would inherit. */
  inheritedFiles: 1024,
  /** How long the jail may take to show whether it works here. */
  jailProbeMs: 5000,
  /** How long a before-image is kept. */
  undoMs: 604_800_000,
  /** What a rule says of the request that takes another back, as canonical JSON: each request under the rule keeps it. */
  compensateBytes: 16_384,
  /** References of one text of it, with the text between them. */
  templateParts: 64,
  /** Text, as the body of a response, that is read as JSON for what a reference means. */
  templateJsonBytes: 1_048_576,
  policyBytes: 1_048_576,
  policyRules: 100_000,
  policyPatternLength: 4096,
  celLength: 4096,
  /** Values of one policy once its YAML aliases are expanded. */
  policyNodes: 1_000_000,
  /** Action names whose rules a policy keeps looked up. */
  policyActions: 1024,
  /** Pairs of rules that a check compares, looking for those that make no difference. */
  policyComparisons: 1_000_000,
  /** Distinct requests of a log that a policy is suggested for. */
  suggestedRequests: 200_000,
  /** Changed decisions that a replay lists; those behind them are counted. */
  replayChanges: 100_000,
  /** Ids of determining rules that one entry names. */
  rulesPerEntry: 1000,
  /** Entries that make a block: so many are published at once, without waiting for the interval. */
  blockEntries: 512,
  /** From one publication to the next under load: blocks that fill meanwhile share one checkpoint. */
  publishPauseMs: 100,
  /** Files of one publication from which on a thread of its own writes them: some 2,000 entries. */
  threadedFiles: 16,
  /** How long an entry may stay outside the published files while a kernel runs. */
  publishIntervalMs: 1000,
  /** How long a written, not yet synced batch may wait for its fdatasync. */
  syncIntervalMs: 10,
  /** An agent's entries that are not yet under one of its signed heads. */
  unheadedEntries: 512,
  walSegmentBytes: 4_194_304,
  walBatchBytes: 1_048_576,
  walSegments: 4096,
  /** One intent, as canonical JSON. */
  intentBytes: 65_536,
  /** Intents without a settling entry, all together: each new WAL segment starts with a copy of them. */
  openIntentBytes: 1_048_576,
  /** Entries kept in memory until the publisher has written them. */
  unpublishedEntries: 32_768,
  /** The same, in bytes of entries. */
  unpublishedBytes: 67_108_864,
  noteBytes: 1_048_576,
  noteSignatures: 16,
  proofHashes: 64,
  /** A request to a witness: 63 proof lines and a checkpoint with 16 signatures, also such as are not yet in use. */
  witnessRequestBytes: 131_072,
  /** What a witness answers. */
  witnessAnswerBytes: 65_536,
  /** How long either side of a request to a witness waits for the other. */
  witnessRequestMs: 10_000,
  /** Requests for one log that wait for their turn at a witness. */
  witnessWaiting: 64,
  witnessConnections: 256,
  /** Requests after which a log gives up: others may be faster each time. */
  witnessAttempts: 4,
  receiptBytes: 1_048_576,
  /** Problems that a verifier lists before it stops. */
  problems: 100,
} as const
