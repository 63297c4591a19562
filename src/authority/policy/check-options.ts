/** The actions that providers have, by full name. */
export type ActionKinds = ReadonlyMap<string, 'observe' | 'mutate'>

/** What stands around a policy, for warnings: the policy room itself looks at nothing. */
export interface Surroundings {
  readonly actions: ActionKinds
  /** The user's home folder, absolute. */
  readonly home: string
  /** Folders of Kestrel's own, absolute: data, keys. */
  readonly ownFolders: readonly string[]
  /** Whether there is a file or folder at this absolute path. */
  readonly exists: (path: string) => boolean
}
