import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isJsonObject, parseJson } from '../base/json.ts'

/** A file in which a program lists the MCP servers that it starts. */
export interface ClientConfiguration {
  readonly file: string
  /** How many servers it lists; undefined when it cannot be read. */
  readonly servers: number | undefined
}

const configurationBytes = 1_048_576

/** The MCP client configurations of a folder and of this user. */
export function findClientConfigurations(folder: string): ClientConfiguration[] {
  const claude = join('Claude', 'claude_desktop_config.json')
  const candidates = [
    join(folder, '.mcp.json'),
    join(folder, '.cursor', 'mcp.json'),
    join(folder, '.vscode', 'mcp.json'),
    process.platform === 'darwin'
      ? join(homedir(), 'Library', 'Application Support', claude)
      : join(homedir(), '.config', claude),
  ]
  return candidates.filter(isFile).map((file) => ({ file, servers: countServers(file) }))
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** Clients list servers under `mcpServers`, VS Code under `servers`. */
function countServers(file: string): number | undefined {
  try {
    if (statSync(file).size > configurationBytes) return undefined
    const value = parseJson(readFileSync(file, 'utf8'))
    if (!isJsonObject(value)) return undefined
    const servers = value['mcpServers'] ?? value['servers']
    return isJsonObject(servers) ? Object.keys(servers).length : 0
  } catch {
    return undefined
  }
}
